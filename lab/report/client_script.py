"""A few flows of a difference as a script for real clients, to be run when the change is made."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from lab.record.difference import Aspect, Difference, DiffReport, Flow
from lab.record.verdict import Kind

MOST = 20
_OPEN = (Kind.ALLOWED, Kind.CLOSED)
_ECHO = ("icmp/echo-request", "icmpv6/echo-request")
_SCRIPT = r"""#!/bin/sh
# What clients must see once the change is made: @COUNT@, written by netfilter-lab.
#
#   sh THIS-FILE         tries the flows that begin at an address of this host
#   sh THIS-FILE 2 5     tries these from this host, whatever its addresses are
#
# It prints `ok` or `NOT AS EXPECTED` for each. Exit 1: one is not as expected; 2: none of them was, but some could not be
# tried, or none was to be tried from here. `denied` is all that keeps a connection from being made: dropped, rejected, or
# nobody who listens.
#
@LISTED@
set -u
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
seconds=3
wrong=0 unknown=0 tried=0 elsewhere=0

has() {
    command -v "$1" >/dev/null 2>&1
}

own_addresses() {
    if has ip; then
        ip -o addr show 2>/dev/null | while read -r _ _ _ address _; do printf '%s\n' "${address%%/*}"; done
    elif has ifconfig; then
        ifconfig -a 2>/dev/null | sed -n 's/^.*inet6\{0,1\} \(addr:\)\{0,1\} *\([0-9a-fA-F:.]*\).*$/\2/p'
    fi
}

# the netcat that can try a port and send nothing, in the family of $1
netcat_for() {
    for one in nc ncat; do
        has "$one" || continue
        help=$("$one" -h 2>&1 </dev/null)
        case $help in *-z*) ;; *) continue ;; esac
        case $1 in *:*) case $help in *-6*) ;; *) continue ;; esac ;; esac
        printf '%s' "$one"
        return
    done
}

# source (or nothing), destination, port: 0 connected, 1 not, 2 it could not be tried
try_tcp() {
    netcat=$(netcat_for "$2")
    if [ -n "$netcat" ]; then
        said=$("$netcat" -v -n -z -w "$seconds" ${1:+-s "$1"} "$2" "$3" 2>&1 </dev/null) && return 0
        case $said in
            *[Uu]sage:* | *"nvalid option"* | *"assign requested"* | *"ot supported"* | *"ermission denied"*) return 2 ;;
        esac
        return 1
    fi
    if has python3; then
        python3 - "$1" "$2" "$3" "$seconds" <<'PROGRAM'
import errno, socket, sys
source, destination, port, seconds = sys.argv[1:]
family = socket.AF_INET6 if ":" in destination else socket.AF_INET
try:
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(float(seconds))
    if source:
        client.bind((source, 0))
except OSError:
    sys.exit(2)
try:
    client.connect((destination, int(port)))
except OSError as error:
    sys.exit(2 if error.errno in (errno.EADDRNOTAVAIL, errno.EPERM) else 1)
PROGRAM
        return $?
    fi
    if has perl && perl -MIO::Socket::IP -e 1 2>/dev/null; then
        perl -MIO::Socket::IP -e '
            my ($source, $destination, $port, $seconds) = @ARGV;
            my @own = $source eq "" ? () : (LocalHost => $source);
            exit(IO::Socket::IP->new(PeerHost => $destination, PeerPort => $port, Timeout => $seconds, @own) ? 0 : 1);
        ' "$1" "$2" "$3" "$seconds"
        return $?
    fi
    return 2
}

# source (or nothing), destination: the same for an echo request
try_icmp() {
    has ping || return 2
    ping -n -c 1 -W "$seconds" ${1:+-I "$1"} "$2" >/dev/null 2>&1 </dev/null
}

# number, source, protocol, destination, port, what is expected
flow() {
    bind=
    case $here in *"
$2
"*) bind=$2 ;; esac
    if [ -n "$chosen" ]; then
        case $chosen in *" $1 "*) ;; *) return ;; esac
    elif [ -z "$bind" ]; then
        elsewhere=$((elsewhere + 1))
        printf '%-16s %2s  from %s\n' 'not from here' "$1" "$2"
        return
    fi
    if [ "$3" = tcp ]; then
        try_tcp "$bind" "$4" "$5"
    else
        try_icmp "$bind" "$4"
    fi
    case $? in 0) found=open ;; 1) found=denied ;; *) found= ;; esac
    tried=$((tried + 1))
    if [ -z "$found" ]; then
        unknown=$((unknown + 1))
        printf '%-16s %2s  %s > %s %s/%s\n' 'NOT KNOWN' "$1" "${bind:-this host}" "$4" "$3" "$5"
        return
    fi
    word=ok
    if [ "$found" != "$6" ]; then
        wrong=$((wrong + 1))
        word='NOT AS EXPECTED'
    fi
    printf '%-16s %2s  %s > %s %s/%s: %s, expected %s\n' "$word" "$1" "${bind:-this host}" "$4" "$3" "$5" "$found" "$6"
}

chosen=
for number; do
    case $number in
        '' | *[!0-9]*) printf 'sh THIS-FILE [NUMBER ...]: %s is no number of a flow\n' "'$number'" >&2; exit 2 ;;
    esac
    chosen="$chosen $number "
done
here="
$(own_addresses)
"

@FLOWS@

if [ "$wrong" -gt 0 ]; then
    printf '%s of %s tried: NOT AS EXPECTED\n' "$wrong" "$tried"
    exit 1
fi
if [ "$unknown" -gt 0 ]; then
    printf '%s of %s could not be tried: it takes nc -z, python3 or perl, and ping\n' "$unknown" "$tried"
    exit 2
fi
if [ "$tried" -eq 0 ]; then
    printf 'nothing was tried: %s begin elsewhere\n' "$elsewhere"
    exit 2
fi
printf '%s tried: all as expected\n' "$tried"
"""


class _Tried(NamedTuple):
    """One flow for a client: all of it is digits, dots, colons and words of ours."""

    source: str
    proto: str
    destination: str
    port: str
    expected: str


def client_script(report: DiffReport) -> str:
    """A POSIX script that tries at most twenty flows from the host that it is run on, and says which are not as expected.

    They are flows that were sent to confirm a difference, those that pass now or do not first, as far as a client can tell what
    becomes of them: a TCP connection, an echo request.  No text of a rule, a comment or a name is in it.
    """
    found = list(dict.fromkeys(_tried(report)))[:MOST]
    listed = [
        f"#   {number:2}  from {one.source} to {one.destination} {one.proto}/{one.port}, expected {one.expected}"
        for number, one in enumerate(found, 1)
    ]
    left = sum(_as_tried(one) is None for one in report.differences)
    if left:
        listed.append(f"# {left} more that no client can tell, as of UDP, or with flags: `lab trace` sends them")
    flows = [f"flow {number} {' '.join(one)}" for number, one in enumerate(found, 1)]
    count = f"{len(found)} flow{'' if len(found) == 1 else 's'}"
    script = _SCRIPT.replace("@COUNT@", count).replace("@LISTED@", "\n".join(listed) or "# No flow of it can be tried.")
    return script.replace("@FLOWS@", "\n".join(flows))


def _tried(report: DiffReport) -> Iterator[_Tried]:
    for one in sorted(report.differences, key=lambda one: one.aspect is not Aspect.ALLOW):
        if (tried := _as_tried(one)) is not None:
            yield tried


def _as_tried(one: Difference) -> _Tried | None:
    """The flow as a client can try it; None where it cannot tell what became of it."""
    flow, verdict = one.flow, one.new.verdict
    if flow.flags or flow.sport is not None or not (verdict.kind in _OPEN or verdict.denied):
        return None
    proto, _, port = flow.service.partition("/")
    expected = "open" if verdict.kind in _OPEN else "denied"
    source, destination = _plain(flow)
    if proto == "tcp" and port.isascii() and port.isdigit() and 0 < int(port) < 65_536:
        return _Tried(source, "tcp", destination, str(int(port)), expected)
    return _Tried(source, "icmp", destination, "echo", expected) if flow.service in _ECHO else None


def _plain(flow: Flow) -> tuple[str, str]:
    """Its ends as addresses and nothing else; raises ValueError for any other text."""
    source, destination = ip_address(flow.source), ip_address(flow.destination)
    if "%" in flow.source or "%" in flow.destination:
        raise ValueError(f"{flow} names an interface")
    return str(source), str(destination)
