#!/bin/sh
# Takes a snapshot of this host for netfilter-lab, one JSON document on standard output. To be run as root on the host:
#
#     lab snapshot | ssh root@gw sh > gw.json
#
# It reads and changes nothing: it writes no file, sets nothing, and starts no tool where that would make the kernel load
# a module that it has not loaded yet. With --conntrack it also takes the flows that are tracked.
# It takes no secrets: no keys of WireGuard and IPsec, no stable_secret. Comments of rules are kept.

# What comes, as the inside of a JSON string. What is no UTF-8 becomes \udc80 to \udcff, one for each byte.
escape() {
    tr -d '\000' | sed 's/[\\"]/\\&/g' | awk '
        function within(at, low, high,    byte) {
            byte = ord[substr($0, at, 1)]
            return byte >= low && byte <= high
        }
        function utf8(at, byte) {
            if (byte < 194 || byte > 244) return 0
            if (byte < 224) return within(at + 1, 128, 191) ? 2 : 0
            if (byte < 240) {
                if (!within(at + 1, byte == 224 ? 160 : 128, byte == 237 ? 159 : 191)) return 0
                return within(at + 2, 128, 191) ? 3 : 0
            }
            if (!within(at + 1, byte == 240 ? 144 : 128, byte == 244 ? 143 : 191)) return 0
            return within(at + 2, 128, 191) && within(at + 3, 128, 191) ? 4 : 0
        }
        BEGIN {
            for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i
            end = "\\n"
        }
        !/[^ -~]/ { printf "%s%s", $0, end; next }
        {
            for (i = 1; i <= length($0); i += size) {
                byte = ord[substr($0, i, 1)]
                size = 1
                if (byte > 31 && byte < 127) printf "%s", substr($0, i, 1)
                else if (byte < 128) printf "%s%04x", "\\u", byte
                else if ((size = utf8(i, byte)) > 0) printf "%s", substr($0, i, size)
                else { size = 1; printf "%s%02x", "\\udc", byte }
            }
            printf "%s", end
        }'
}

# The same of one line, without its end.
escaped() {
    line=$(printf '%s' "$1" | escape)
    printf '%s' "${line%\\n}"
}

# Whether the kernel has a module already, loaded or built in: of what is built in a symbol tells.
has() {
    if [ -d "/sys/module/$1" ] || grep -qs "^$1 " /proc/modules; then return; fi
    [ -n "$built_in" ] || built_in=$(grep -sE \
        ' (nft_do_chain|nft_match_eval|ip_set_add|nf_conntrack_in|xfrm_user_net_init)$' /proc/kallsyms; echo .)
    case $built_in in
        *" $2$newline"*) return 0 ;;
    esac
    return 1
}

# Whether a file of /proc says anything; its size is 0 in any case.
says() {
    [ -r "$1" ] && IFS= read -r line <"$1" && [ -n "$line" ]
}

there() {
    command -v "$1" >/dev/null
}

# NAME COMMAND...: runs it, and tells what it printed, its exit code and its errors. Standard input is this script.
part() {
    name=$1
    shift
    printf '%s\n    "%s": {"text": "' "$comma" "$name" >&3
    comma=,
    told=$({ { "$@" 3>&- </dev/null; printf '\n%s' "$?" >&2; } 2>&4 | escape >&3; } 4>&1)
    printf '", "code": %s, "error": "%s"}' "${told##*"$newline"}" "$(printf '%s' "${told%"$newline"*}" | escape)" >&3
}

# NAME ERROR: a part that is here, and that no tool reads.
unread() {
    printf '%s\n    "%s": {"text": "", "code": 127, "error": "%s"}' "$comma" "$1" "$2" >&3
    comma=,
}

# NAME WHY: a part that is not taken.
skip() {
    skipped="$skipped$skipped_comma$newline    \"$1\": \"$2\""
    skipped_comma=,
}

# WHAT SEEN: something that is there, and in no part.
lacks() {
    printf '%s\n    {"what": "%s", "seen": "%s"}' "$comma" "$1" "$(escaped "$2")"
    comma=,
}

# BACKEND TOOL: the tool that reads this backend. Its file tells: asked for its version, iptables opens a netlink socket,
# which loads nfnetlink.
tool_of() {
    for tool in "$2-$1-save" "$2-save"; do
        there "$tool" || continue
        case $(readlink -f "$(command -v "$tool")") in
            *nft*) is=nft ;;
            *) is=legacy ;;
        esac
        [ "$is" = "$1" ] && printf '%s' "$tool" && return
    done
}

# TOOL NAMES: rules of ip_tables. Where no table is there, iptables-legacy-save loads ip_tables and prints nothing.
legacy() {
    tool=$(tool_of legacy "$1")
    if ! says "$2"; then
        skip "$1-legacy-save" "this host has no table of ${1%tables}_tables"
    elif [ -z "$tool" ]; then
        unread "$1-legacy-save" "no tool here reads the tables of ${1%tables}_tables: $(tr '\n' ' ' <"$2")"
    else
        part "$1-legacy-save" "$tool"
    fi
}

# Rules of nf_tables. Whatever asks for them loads it; reading a match, iptables-nft-save loads nft_compat. Without that one
# iptables-nft has no rule here, and of chains without rules nft tells.
nf_tables() {
    if ! has nf_tables nft_do_chain; then
        for name in iptables-nft-save ip6tables-nft-save nft; do skip "$name" "nf_tables is not loaded here"; done
        return
    fi
    for name in iptables ip6tables; do
        tool=$(tool_of nft "$name")
        if [ -z "$tool" ]; then
            skip "$name-nft-save" "no $name-nft-save is here"
        elif has nft_compat nft_match_eval || ! there nft; then
            part "$name-nft-save" "$tool"
        else
            skip "$name-nft-save" "nft_compat is not loaded here"
        fi
    done
    if there nft; then part nft nft list ruleset; else skip nft "no nft is here"; fi
}

sets() {
    if ! has ip_set ip_set_add; then
        skip ipset "ip_set is not loaded here"
    elif there ipset; then
        part ipset ipset save
    else
        skip ipset "ip_set is here, and no ipset that reads it"
    fi
}

# The ip of iproute2 where there is one: that of busybox prints rules without `not` and ports, and routes without their ways.
ip_of_the_host() {
    for tool in ip /usr/sbin/ip /sbin/ip /usr/bin/ip /bin/ip /usr/libexec/ip-full; do
        case $("$tool" -V 2>/dev/null </dev/null) in
            *iproute2*) printf '%s' "$tool" && return ;;
        esac
    done
    printf 'ip'
}

# Links, addresses, routes and rules; iproute2 before 4.14 has no -j, and the ip of busybox has no -d either.
network() {
    details="-d"
    json="-j"
    "$ip" -j link show lo >/dev/null 2>&1 </dev/null || json=
    "$ip" -d link show lo >/dev/null 2>&1 </dev/null || details=
    # shellcheck disable=SC2086  # without a flag there is no word
    {
        part "ip addr" "$ip" $json addr show
        part "ip link" "$ip" $json $details link show
        part "ip -4 route" "$ip" -4 $json route show table all
        part "ip -4 rule" "$ip" -4 $json rule show
        if [ -e /proc/net/if_inet6 ]; then
            part "ip -6 route" "$ip" -6 $json route show table all
            part "ip -6 rule" "$ip" -6 $json rule show
        else
            skip "ip -6 route" "this kernel has no IPv6"
            skip "ip -6 rule" "this kernel has no IPv6"
        fi
    }
    part rt_tables table_names
    part sysctl sysctls
}

table_names() {
    for file in /usr/lib/iproute2/rt_tables /usr/share/iproute2/rt_tables /etc/iproute2/rt_tables \
        /usr/share/iproute2/rt_tables.d/*.conf /etc/iproute2/rt_tables.d/*.conf; do
        if [ -r "$file" ]; then cat "$file"; echo; fi
    done
}

# In the words of sysctl(8): a dot of an interface's name is written as a slash.
sysctls() {
    cd /proc/sys/net || return
    grep -sH '' ipv4/ip_forward ipv4/ip_nonlocal_bind ipv4/ip_local_port_range ipv4/icmp_* ipv4/tcp_syncookies \
        ipv4/tcp_l3mdev_accept ipv4/udp_l3mdev_accept ipv4/raw_l3mdev_accept ipv4/fwmark_reflect ipv4/tcp_fwmark_accept \
        ipv4/fib_multipath_hash_policy ipv4/conf/*/rp_filter ipv4/conf/*/forwarding ipv4/conf/*/accept_local \
        ipv4/conf/*/route_localnet ipv4/conf/*/src_valid_mark ipv4/conf/*/accept_source_route ipv4/conf/*/accept_redirects \
        ipv4/conf/*/secure_redirects ipv4/conf/*/send_redirects ipv4/conf/*/log_martians ipv4/conf/*/proxy_arp \
        ipv4/conf/*/proxy_arp_pvlan ipv4/conf/*/arp_ignore ipv4/conf/*/arp_announce ipv4/conf/*/arp_filter \
        ipv4/conf/*/disable_policy ipv4/conf/*/disable_xfrm ipv6/conf/*/forwarding ipv6/conf/*/disable_ipv6 \
        ipv6/conf/*/accept_ra ipv6/conf/*/accept_redirects ipv6/conf/*/accept_source_route ipv6/conf/*/proxy_ndp \
        ipv6/ip_nonlocal_bind ipv6/fwmark_reflect ipv6/icmp/* bridge/bridge-nf-* netfilter/nf_conntrack_* |
        awk '{
            for (at = length($0); at > 1 && substr($0, at, 1) != ":"; at--) continue
            name = "net/" substr($0, 1, at - 1)
            gsub("/", "\001", name); gsub("[.]", "/", name); gsub("\001", ".", name)
            print name " = " substr($0, at + 1)
        }'
}

# A tool that speaks netlink is asked for its version only where it was asked for its rules.
versions() {
    echo "kernel = $(uname -srvm)"
    sed -n 's/^PRETTY_NAME="*\([^"]*\)"*$/os = \1/p' /etc/os-release 2>/dev/null
    echo "ip = $("$ip" -V 2>&1 | sed -n '/iproute2/p; /BusyBox/p' | head -n 1)"
    if has nf_tables nft_do_chain; then
        for tool in iptables ip6tables nft; do
            if there "$tool"; then echo "$tool = $("$tool" --version 2>&1)"; fi
        done
    fi
    if has ip_set ip_set_add && there ipset; then echo "ipset = $(ipset --version 2>&1)"; fi
}

tracked() {
    if [ "$1" != yes ]; then
        skip conntrack "--conntrack asks for it"
    elif ! has nf_conntrack nf_conntrack_in; then
        skip conntrack "nf_conntrack is not loaded here: no flow is tracked"
    elif there conntrack; then
        part conntrack flows
    elif [ -r /proc/net/nf_conntrack ]; then
        part conntrack cat /proc/net/nf_conntrack
    else
        skip conntrack "no conntrack is here that reads the flows"
    fi
}

flows() {
    conntrack -L && conntrack -L -f ipv6
}

# The files that services of boot load rules from: they are read whether or not such a service is there. The name of a part
# is the host's, whatever stands in "$etc".
boot() {
    part boot booted
    for file in iptables/rules.v4 iptables/rules.v6 iptables/ipsets iptables/iptables.rules iptables/ip6tables.rules \
        iptables/rules-save iptables/rules6-save sysconfig/iptables sysconfig/ip6tables sysconfig/ipset \
        sysconfig/nftables.conf ipset.conf nftables.conf nftables.nft; do
        if [ -f "$etc/$file" ]; then part "boot /etc/$file" cat "$etc/$file"; fi
    done
}

# Which boot this is, and what the next one starts. Links tell of that, so that no tool need be asked.
booted() {
    sed 's/^/id = /' /proc/sys/kernel/random/boot_id
    if [ -d "$etc/systemd/system" ]; then
        echo "enabled = $(starts "$etc"/systemd/system/*.wants/*.service "$etc"/systemd/system/*.requires/*.service)"
    elif [ -d "$etc/runlevels" ]; then
        echo "enabled = $(starts "$etc"/runlevels/*/*)"
    fi
    echo "others = $(grep -lsE '^([^#]*[^#a-z])?(ip6?tables|nft|ipset)' "$etc/rc.local" "$etc/network/interfaces" \
        "$etc"/network/interfaces.d/* "$etc"/network/if-*.d/* "$etc"/networkd-dispatcher/*/* "$etc"/local.d/*.start |
        sed "s|^$etc/|/etc/|" | tr '\n' ' ')"
}

# FILES: of these services those that write rules; one that is masked is not started.
starts() {
    for file in "$@"; do
        name=${file##*/}
        name=${name%.service}
        [ "$(readlink "$etc/systemd/system/$name.service")" = /dev/null ] || printf '%s\n' "$name"
    done | grep -xE 'netfilter-persistent|ip6?tables|ipset|nftables|firewalld|ufw|shorewall6?|ferm|docker|podman|k3s|kubelet|libvirtd|virtnetworkd|fail2ban|crowdsec.*|sshguard' |
        sort -u | tr '\n' ' '
}

# LINKS: the names of interfaces whose details have this kind.
of_kind() {
    printf '%s\n' "$links" | awk -v kind="$1" '
        /^[0-9]+: / { name = $2; sub(/:$/, "", name); sub(/@[^@]*$/, "", name) }
        /^    [a-z]/ && $1 == kind { printf "%s%s", space, name; space = " " }'
}

not_captured() {
    comma=
    links=$("$ip" -d link show 2>/dev/null </dev/null)
    for kind in wireguard vrf bridge bridge_slave bond xfrm ipvlan macvlan; do
        names=$(of_kind "$kind")
        [ -z "$names" ] && continue
        case $kind in
            wireguard) lacks "wireguard peers" "$names" ;;
            bridge_slave) lacks "bridge ports" "$names" ;;
            xfrm) lacks "xfrm interfaces" "$names" ;;
            *) lacks "$kind" "$names" ;;
        esac
    done
    names=$(printf '%s\n' "$links" | awk '/^[0-9]+: / && / xdp(generic|offload|multi)?[ \/]/ {
        sub(/(@[^@]*)?:$/, "", $2); printf "%s%s", space, $2; space = " " }')
    [ -z "$names" ] || lacks "xdp programs" "$names"
    # `ip xfrm state` would print keys, and is not run
    if has xfrm_user xfrm_user_net_init; then
        count=$("$ip" xfrm policy 2>/dev/null </dev/null | grep -c '^src')
        [ "$count" = 0 ] || lacks "xfrm policies" "$count"
    fi
    # shellcheck disable=SC2012  # these names are the kernel's
    count=$(ls -l /proc/[0-9]*/ns/net 2>/dev/null | sed -n 's/.* -> //p' | sort -u | wc -l)
    [ "$count" -le 1 ] || lacks "network namespaces" "$((count - 1))"
    filtered
    modules
    if [ -d /run/systemd/system ] && there systemctl; then
        units=$(systemctl list-units --type=service --state=active --plain --no-legend 2>/dev/null </dev/null |
            awk '$1 ~ /^(netfilter-persistent|ip6?tables|nftables|firewalld|ufw|shorewall6?|ferm|docker|podman|containerd|crio|k3s|kubelet|kube-proxy|libvirtd|virtnetworkd|fail2ban|crowdsec.*|sshguard|networking|NetworkManager|systemd-networkd)[.]service$/ {
                printf "%s%s", space, $1; space = " " }')
        [ -z "$units" ] || lacks "unit order" "$units"
    fi
}

# What else looks at packets, as far as reading it loads nothing.
filtered() {
    if there tc; then
        names=
        for name in $(printf '%s\n' "$links" | sed -n 's/^[0-9]*: \([^:@ ]*\).*/\1/p'); do
            for side in root ingress egress; do
                if tc filter show dev "$name" "$side" 2>/dev/null </dev/null | grep -q .; then names="$names $name"; break; fi
            done
        done
        [ -z "$names" ] || lacks "tc filters" "${names# }"
    fi
    if has nf_tables nft_do_chain && there nft; then
        count=$(nft list flowtables 2>/dev/null </dev/null | grep -c 'flowtable ')
        [ "$count" = 0 ] || lacks "flowtables" "$count"
    fi
    if [ -r /proc/net/ip_vs ]; then
        count=$(grep -c '^[A-Z][A-Z]* ' /proc/net/ip_vs)
        [ "$count" -le 2 ] || lacks "ipvs services" "$((count - 2))"
    fi
    if says /proc/net/netfilter/nfnetlink_queue; then
        lacks "queues" "$(awk '{ printf "%s%s", space, $1; space = " " }' /proc/net/netfilter/nfnetlink_queue)"
    fi
    names=
    for file in /proc/net/xt_recent/* /proc/net/ipt_recent/*; do [ -e "$file" ] && names="$names ${file##*/}"; done
    [ -z "$names" ] || lacks "recent lists" "${names# }"
}

modules() {
    names=$(sed -n 's/^\(nf_conntrack_\)\(amanda\|ftp\|h323\|irc\|netbios_ns\|pptp\|sane\|sip\|snmp\|tftp\) .*/\2/p' \
        /proc/modules 2>/dev/null | tr '\n' ' ')
    [ -z "$names" ] || lacks "conntrack helpers" "${names% }"
    names=$(sed -n 's/^\(ebtable_[a-z]*\|arptable_filter\) .*/\1/p' /proc/modules 2>/dev/null | tr '\n' ' ')
    [ -z "$names" ] || lacks "legacy ebtables and arptables" "${names% }"
}

main() {
    newline='
'
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    LC_ALL=C
    export PATH LC_ALL
    with_conntrack=no
    [ "$1" = --conntrack ] && with_conntrack=yes
    if [ "$(id -u)" != 0 ]; then
        echo "snapshot: run this as root: rules are told to nobody else" >&2
        exit 1
    fi
    built_in=''
    etc=/etc
    ip=$(ip_of_the_host)
    exec 3>&1
    printf '{\n  "format": "netfilter-lab snapshot",\n  "version": 1,\n  "taken": "%s",\n  "host": "%s",\n  "parts": {' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(escaped "$(uname -n)")"
    comma='' skipped='' skipped_comma=''
    part versions versions
    legacy iptables /proc/net/ip_tables_names
    legacy ip6tables /proc/net/ip6_tables_names
    nf_tables
    sets
    network
    tracked "$with_conntrack"
    boot
    printf '\n  },\n  "skipped": {%s\n  },\n  "not_captured": [' "$skipped"
    not_captured
    printf '\n  ],\n  "whole": true\n}\n'
}

# The last line, so that a script which was cut off runs nothing.
main "$@"
