#!/bin/sh
# @TITLE@
#
#   sh THIS-FILE check              tries what can be tried without changing anything
#   sh THIS-FILE apply              keeps the rules that are there, starts the timer, then loads the new ones
#   sh THIS-FILE confirm TOKEN      keeps the new rules; from a connection that was made after they were loaded
#   sh THIS-FILE confirm --console TOKEN      the same from a console, where there is no connection that could prove anything
#   sh THIS-FILE rollback           puts the rules of before back now
#   sh THIS-FILE status             what is in force, and what is to be done
#
# As root. Without a confirmation the timer puts the rules of before back. All of it lies in /run/netfilter-guard; what it did
# is in the file `log` there. Exit 0: done; 1: it was refused or failed, and what is in force is said; 2: wrong usage.
#
# NETFILTER_GUARD_WAIT is what the timer waits by, in place of `sleep SECONDS`; NETFILTER_GUARD_KEEP the folder on disk that
# keeps a copy of the rules of before, in place of /var/lib/netfilter-guard; NETFILTER_GUARD_AFTER is done after each command of
# the change, and once before the first: for trials.
set -u
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export LC_ALL PATH
umask 077

@SETTINGS@
base=/run/netfilter-guard
state=$base/$folder
keep=${NETFILTER_GUARD_KEEP:-/var/lib/netfilter-guard}/$folder
own=$0
damaged="this file is damaged: its rules are not those that were written into it"

@TEXTS@

# --- what is said, and kept -------------------------------------------------------------------------------------------

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

note() {
    printf '%s %s: %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$$" "$*" >>"$state/log"
    if there logger; then logger -t netfilter-guard -- "$folder: $*" 2>/dev/null; fi
}

there() {
    command -v "$1" >/dev/null 2>&1
}

# NAME VALUE: whole, or as it was
put() {
    printf '%s\n' "$2" >"$state/$1.$$" && mv -f "$state/$1.$$" "$state/$1"
}

# NAME: prints it, or nothing
get() {
    cat "$state/$1" 2>/dev/null
}

uptime_seconds() {
    read -r up _ </proc/uptime
    printf '%s' "${up%%.*}"
}

# --- processes, and by which connection one was come by ----------------------------------------------------------------

# PID: sets parent and born, its start in ticks since the host's; false where there is none
look_at() {
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    case $stat in
        *') '*) ;;
        *) stat=$(cat "/proc/$1/stat" 2>/dev/null) ;; # a name of two lines
    esac
    # shellcheck disable=SC2086  # numbers, and one letter
    set -- ${stat##*) }
    case $1 in Z | X) return 1 ;; esac
    parent=$2 born=${20}
}

# PID BORN: whether that process still runs
alive() {
    [ -n "${2:-}" ] && look_at "$1" && [ "$born" = "$2" ]
}

# Sets connection, what the SSH server told the nearest process above that it told anything, sudo or not; and since, the
# birth of the server's process for that connection: the parent of the topmost one that was told so.
find_connection() {
    connection='' since=0 at=$$
    while [ "$at" -gt 1 ] && look_at "$at"; do
        told=$(tr '\000' '\n' <"/proc/$at/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p' | sed -n 1p)
        at=$parent
        [ -n "$told" ] || continue
        [ -n "$connection" ] || connection=$told
        if [ "$told" = "$connection" ]; then
            since=0
            if [ "$at" -gt 1 ] && look_at "$at"; then since=$born; fi
        fi
    done
}

# PID: ends it and what it started, and returns when they are gone
kill_all() {
    kill -STOP "$1" 2>/dev/null
    for one in /proc/[0-9]*; do
        if look_at "${one##*/}" && [ "$parent" = "$1" ]; then (kill_all "${one##*/}"); fi
    done
    kill -KILL "$1" 2>/dev/null
    while look_at "$1"; do sleep 0.1 2>/dev/null || sleep 1; done
}

# --- one at a time ------------------------------------------------------------------------------------------------------

# Of the files turn.1, turn.2, … the last says whose turn it is: PID BORN WHAT. Who finds that one gone makes the next.
last_turn() {
    turn=0
    for one in "$base"/turn.*[0-9]; do
        one=${one##*/turn.}
        if [ "$one" != '*[0-9]' ] && [ "$one" -gt "$turn" ]; then turn=$one; fi
    done
}

# WHAT: takes the turn; false where somebody has it, and sets holder, holder_born, holder_does
take_turn() {
    look_at "$$"
    printf '%s %s %s\n' "$$" "$born" "$1" >"$base/mine.$$" || fail "$base cannot be written"
    while :; do
        last_turn
        if [ "$turn" -gt 0 ]; then
            read -r holder holder_born holder_does <"$base/turn.$turn" 2>/dev/null || continue
            if alive "$holder" "$holder_born"; then
                rm -f "$base/mine.$$"
                return 1
            fi
        fi
        mine=$((turn + 1))
        ln "$base/mine.$$" "$base/turn.$mine" 2>/dev/null || continue
        last_turn
        if [ "$turn" -eq "$mine" ]; then break; fi
        rm -f "$base/turn.$mine"
    done
    rm -f "$base/mine.$$"
    for one in "$base"/turn.*[0-9]; do
        if [ "$one" != "$base/turn.$mine" ]; then rm -f "$one"; fi
    done
}

end_turn() {
    printf '0 0 nobody\n' >"$base/mine.$$" && mv -f "$base/mine.$$" "$base/turn.$mine"
}

turn_or_fail() {
    take_turn "$1" || fail "somebody else is at work here: process $holder, $holder_does; nothing was done"
}

# --- what is there ------------------------------------------------------------------------------------------------------

# FAMILY BACKEND: sets saver and restorer; false where this host has none
tools_of() {
    saver=$1tables-$2-save restorer=$1tables-$2-restore
    if there "$saver" && there "$restorer"; then return; fi
    if there "$1tables-nft-save" || there "$1tables-legacy-save"; then return 1; fi
    saver=$1tables-save restorer=$1tables-restore
    if ! there "$saver" || ! there "$restorer"; then return 1; fi
    case $("$1tables" -V 2>/dev/null) in
        *nf_tables*) [ "$2" = nft ] ;;
        *) [ "$2" = legacy ] ;;
    esac
}

# FAMILY: the tables that ip_tables holds; where nobody may read that, those that the change speaks of
legacy_tables() {
    names=/proc/self/net/$1_tables_names
    [ -e "$names" ] || return 0
    cat "$names" 2>/dev/null || for one in $tables; do
        case $one in "$1":*) printf '%s\n' "${one#*:}" ;; esac
    done
}

# FAMILY BACKEND: prints what iptables has, with its counters
save() {
    if [ "$2" = nft ]; then
        "$saver" -c
        return
    fi
    legacy_tables "$1" | while read -r table; do "$saver" -c -t "$table" || exit 1; done
}

# FOLDER: the tables of nf_tables, FAMILY NAME, but those that belong to a program, which nobody else can change
nft_tables() {
    there nft || return 0
    nft list tables >"$1/all" || return 1
    while read -r _ family name; do
        if nft list table "$family" "$name" 2>/dev/null | sed -n '2,3p' | grep -q '^[[:space:]]*flags.*owner'; then continue; fi
        printf '%s %s\n' "$family" "$name"
    done <"$1/all"
    rm -f "$1/all"
}

# FOLDER FAMILY NAME: whether iptables made this table, as far as can be told: it can print it, each rule has its counter,
# and no base chain has a name of its own. What it prints of other rules is not what they are.
by_iptables() {
    case $2 in ip | ip6) ;; *) return 1 ;; esac
    case $3 in raw | mangle | nat | filter | security) ;; *) return 1 ;; esac
    grep -qsx "\*$3" "$1/$2-nft" || return 1
    nft list table "$2" "$3" 2>/dev/null | awk '
        /^\tchain / { chain = $2; next }
        /^\t\ttype / {
            if (chain !~ /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/) other = 1
            next
        }
        /^\t(set|map|flowtable|counter|quota|limit|ct) / { other = 1 }
        /^\t\t/ && chain != "" && !/counter packets/ { other = 1 }
        END { exit other }'
}

# FOLDER: writes into it what is there; false where that cannot be
keep_rules() {
    mkdir -p "$1" || return 1
    for family in ip ip6; do
        for backend in nft legacy; do
            tools_of "$family" "$backend" || continue
            save "$family" "$backend" >"$1/$family-$backend" 2>"$1/error" || return 1
        done
    done
    if there ipset; then ipset save >"$1/sets" 2>"$1/error" || return 1; fi
    nft_tables "$1" >"$1/tables" 2>"$1/error" || return 1
    { : >"$1/nft" && : >"$1/nft-tables"; } || return 1
    while read -r family name; do
        if by_iptables "$1" "$family" "$name"; then continue; fi
        drop_table "$1/$family-nft" "$family" "$name" || return 1
        printf '%s %s\n' "$family" "$name" >>"$1/nft-tables"
        printf 'table %s %s\ndelete table %s %s\n' "$family" "$name" "$family" "$name" >>"$1/nft"
        nft list table "$family" "$name" >>"$1/nft" 2>"$1/error" || return 1
    done <"$1/tables"
    rm -f "$1/error"
}

# FILE FAMILY TABLE: takes a table out of what iptables printed, as it is not its own
drop_table() {
    case $2 in ip | ip6) [ -s "$1" ] || return 0 ;; *) return 0 ;; esac
    awk -v gone="*$3" '/^\*/ { skip = $0 == gone } !skip { print } skip && /^COMMIT/ { skip = 0 }' "$1" >"$1.rest" &&
        mv -f "$1.rest" "$1"
}

# FOLDER: whether the tools would take it back, as far as they can be asked without changing anything
try_rules() {
    for family in ip ip6; do
        for backend in nft legacy; do
            if [ -s "$1/$family-$backend" ] && tools_of "$family" "$backend"; then
                "$restorer" --test -c <"$1/$family-$backend" || return 1
            fi
        done
    done
    if [ -s "$1/nft" ]; then nft -c -f "$1/nft" || return 1; fi
    if [ -s "$1/sets" ]; then
        cut -d ' ' -f 2 "$1/sets" | sort -u >"$1/aside"
        sets_aside "$1" | ipset restore
        code=$?
        no_sets_aside
        rm -f "$1/aside"
        return "$code"
    fi
}

# FOLDER: what `ipset restore` makes the sets of, those in the file aside under another name
sets_aside() {
    awk 'NR == FNR { other[$0] = "guard-" NR; next } $2 in other { $2 = other[$2] } { print }' "$1/aside" "$1/sets"
}

no_sets_aside() {
    ipset list -n | grep '^guard-[0-9]*$' | while read -r name; do ipset destroy "$name"; done
}

# --- the rules of before ------------------------------------------------------------------------------------------------

# FOLDER: puts back what it keeps; false where anything of it could not be
put_back() {
    wrong=0
    if there ipset; then sets_back "$1" || wrong=1; fi
    nft_back "$1" || wrong=1
    for family in ip ip6; do
        for backend in nft legacy; do
            tools_of "$family" "$backend" || continue
            if [ -s "$1/$family-$backend" ]; then "$restorer" -c <"$1/$family-$backend" || wrong=1; fi
            # nf_tables' have been taken away by nft, where that is there
            if [ "$backend" = legacy ] || ! there nft; then empty_others "$1" || wrong=1; fi
        done
    done
    if there ipset; then no_other_sets "$1"; fi
    return "$wrong"
}

sets_back() {
    ipset list -n | sort >"$1/now" || return 1
    cut -d ' ' -f 2 "$1/sets" | sort -u | comm -12 - "$1/now" >"$1/aside"
    no_sets_aside 2>/dev/null
    sets_aside "$1" | ipset restore || return 1
    number=0 bad=0
    while read -r name; do
        number=$((number + 1))
        ipset swap "guard-$number" "$name" || bad=1
    done <"$1/aside"
    no_sets_aside
    return "$bad"
}

no_other_sets() {
    cut -d ' ' -f 2 "$1/sets" | sort -u >"$1/aside"
    ipset list -n | sort >"$1/all"
    comm -23 "$1/all" "$1/aside" >"$1/now"
    for verb in flush destroy; do
        while read -r name; do ipset "$verb" "$name"; done <"$1/now"
    done
}

# In one transaction: the tables of before in the place of those that are there; iptables' own are left to it
nft_back() {
    there nft || return 0
    nft_tables "$1" >"$1/now" || return 1
    mkdir -p "$1/held" || return 1
    for family in ip ip6; do
        : >"$1/held/$family-nft"
        if tools_of "$family" nft; then "$saver" >"$1/held/$family-nft" 2>/dev/null; fi
    done
    while read -r family name; do
        if grep -qx "$family $name" "$1/nft-tables"; then continue; fi
        if [ -s "$1/$family-nft" ] && grep -qx "\*$name" "$1/$family-nft" && by_iptables "$1/held" "$family" "$name"; then
            continue
        fi
        printf 'delete table %s %s\n' "$family" "$name"
    done <"$1/now" >"$1/script"
    cat "$1/nft" >>"$1/script"
    if [ -s "$1/script" ]; then nft -f "$1/script"; fi
}

# FOLDER, of the family and backend that are set: nothing in the tables that were not there, which legacy cannot take away
empty_others() {
    save "$family" "$backend" 2>/dev/null | awk -v before="$1/$family-$backend" '
        BEGIN { while ((getline line <before) > 0) if (line ~ /^\*/) there[line] = 1 }
        /^\*/ { other = !($0 in there) }
        other && /^\*/ { print }
        other && /^:/ && $2 != "-" { print $1, "ACCEPT [0:0]" }
        other && /^COMMIT/ { print }' >"$1/others"
    if [ -s "$1/others" ]; then "$restorer" <"$1/others"; fi
}

# FOLDER: its rules in a form that can be compared: no dates, no counters, each line with its table
normal() {
    for one in ip-nft ip6-nft ip-legacy ip6-legacy nft; do
        [ -e "$1/$one" ] || continue
        sed -e '/^#/d' -e '/^COMMIT/d' -e 's/^\[[0-9]*:[0-9]*\] //' -e 's/ \[[0-9]*:[0-9]*\]$//' \
            -e 's/counter packets [0-9]* bytes [0-9]*/counter/' "$1/$one" |
            awk -v of="$one" '/^\*/ { table = $0; next } { printf "%s %s %08d %s\n", of, table, number[table]++, $0 }' | sort
    done
}

# --- the timer ------------------------------------------------------------------------------------------------------------

# Starts it apart from this shell, its session, its process group and its terminal, and returns when it says that it waits
start_timer() {
    rm -f "$state/ready"
    mkfifo "$state/ready" || return 1
    exec 8<>"$state/ready"
    timer_way=setsid
    if [ -d /run/systemd/system ] && there systemd-run; then
        # a service of its own: what ends with a login, by logind's KillUserProcesses or a unit's KillMode, is its session's
        if systemd-run --quiet --collect --unit="netfilter-guard-$token" --setenv="NETFILTER_GUARD_KEEP=${keep%/*}" \
            --setenv="NETFILTER_GUARD_WAIT=${NETFILTER_GUARD_WAIT:-}" sh "$state/guard.sh" timer "$token" 8>&-; then
            timer_way=systemd-run
        else
            say "warning: systemd-run failed: where a login's processes are killed at its end, the timer would be among them"
        fi
    fi
    if [ "$timer_way" = setsid ]; then
        there setsid || timer_way=''
        [ -n "$timer_way" ] || say "warning: no setsid on this host: a signal to the process group of this shell ends the timer"
        (
            # shellcheck disable=SC2086  # a word, or none
            $timer_way sh "$state/guard.sh" timer "$token" 8>&- </dev/null >/dev/null 2>&1
            printf 'gone\n' >&8
        ) &
        wrapper=$!
    fi
    read -r answer timer timer_born <&8
    if [ "$timer_way" != systemd-run ]; then { kill -KILL "$wrapper" && wait "$wrapper"; } 2>/dev/null; fi
    exec 8>&-
    rm -f "$state/ready"
    [ "$answer" = armed ] && alive "$timer" "$timer_born"
}

# PID BORN: has it look once more whether it is still waited for
wake_timer() {
    if alive "$1" "$2"; then kill -TERM "$1" 2>/dev/null; fi
}

# The timer itself
timer() {
    token=$1
    trap '' HUP INT QUIT PIPE TSTP
    cd / || exit 1
    look_at "$$"
    put timer "$$ $born"
    exec </dev/null >>"$state/log" 2>&1
    waiting=''
    trap '[ -z "$waiting" ] || kill "$waiting" 2>/dev/null' TERM
    if [ -n "${NETFILTER_GUARD_WAIT:-}" ]; then eval "$NETFILTER_GUARD_WAIT" & else sleep "$seconds" & fi
    waiting=$!
    printf 'armed %s %s\n' "$$" "$born" >"$state/ready"
    wait "$waiting"
    waiting=''
    while waited_for && ! take_turn 'its timer'; do
        if [ "$holder_does" = apply ]; then
            note "the timer ends process $holder, which still applies the change"
            kill_all "$holder"
        else
            sleep 1
        fi
    done
    waited_for || exit 0
    roll_back rolled-back 'the timer ran out, and nobody had confirmed'
    end_turn
}

# Whether this timer is that of what is in force, and nobody has confirmed
waited_for() {
    [ "$(get token)" = "$token" ] && not_confirmed
}

# --- the change -----------------------------------------------------------------------------------------------------------

# NUMBER INPUT COMMAND...: one command of the change
step() {
    number=$1 input=$2
    shift 2
    printf '%s\n' "$number" >"$state/step"
    # shellcheck disable=SC2016  # for the other shell
    sh -c 'read -r line <"/proc/$$/stat" && printf "%s\n" "$line" >"$0" && exec "$@"' "$state/doing" "$@" <"$input" 8>&-
    code=$?
    eval "${NETFILTER_GUARD_AFTER:-}"
    [ "$code" -eq 0 ] || failed="command $number of $commands ended with $code: $*"
    [ "$code" -eq 0 ]
}

# ends a command of the change that goes on though the shell that began it is gone
end_step() {
    stat=$(get doing) || return 0
    # shellcheck disable=SC2086  # numbers, and one letter
    set -- "${stat%% *}" ${stat##*) }
    if alive "$1" "${21:-}"; then kill_all "$1"; fi
}

# PHASE WHY: the rules of before, and what came of it
roll_back() {
    end_step
    note "rolling back: $2"
    if put_back "$state/before" >>"$state/log" 2>&1; then
        put phase "$1"
        said="the rules of before are in force again"
        if keep_rules "$state/after" 2>/dev/null && normal "$state/before" >"$state/normal" &&
            ! normal "$state/after" | cmp -s - "$state/normal"; then
            said="$said, but for what others changed or rules remember: see $state/before and $state/after"
        fi
        done=0
    else
        put phase rollback-failed
        said="ROLLBACK FAILED: some of the rules of before could not be put back: $state/log says which, $state/before has them"
        done=1
    fi
    [ "$(cat "$base/pending" 2>/dev/null)" != "$folder" ] || rm -f "$base/pending"
    tell_disk
    note "$said ($2)"
    return "$done"
}

# a copy on disk, as /run goes with the host's power; of no use where it cannot be written, and said
tell_disk() {
    mkdir -p "$keep" 2>/dev/null && cp -R "$state/before" "$state/phase" "$state/guard.sh" "$keep/" 2>/dev/null &&
        cat /proc/sys/kernel/random/boot_id >"$keep/boot" && sync
}

begin() {
    [ "$(id -u)" -eq 0 ] || fail "only root may do that"
    { mkdir -p "$base" && chmod 700 "$base" && mkdir -p "$state"; } || fail "$base cannot be written; nothing was done"
}

apply() {
    begin
    trap '' HUP PIPE
    turn_or_fail apply
    other=$(cat "$base/pending" 2>/dev/null)
    if [ -n "$other" ] && [ "$other" != "$folder" ]; then
        end_turn
        fail "$other is applied and not confirmed: confirm it, or roll it back (sh $base/$other/guard.sh status)"
    fi
    copy_itself || give_up "this script cannot read itself: save it as a file, and run sh FILE apply"
    old_timer='' old_born=''
    if [ "$other" = "$folder" ] && not_confirmed; then
        read -r old_timer old_born <"$state/timer"
        end_step
        say "$change was applied and never confirmed: the rules to go back to stay those of before its first apply"
    else
        rm -rf "$state"
        mkdir -p "$state" || fail "$state cannot be written; nothing was done"
        keep_rules "$state/before" || give_up "what is in force cannot be kept: $(cat "$state/before/error" 2>/dev/null)"
        try_rules "$state/before" >"$state/error" 2>&1 || give_up "what is in force could not be put back: $(cat "$state/error")"
    fi
    write_texts "$state/new" || give_up "$state cannot be written"
    check_texts "$state/new" || give_up "$damaged"
    mv -f "$base/script" "$state/guard.sh" || give_up "$state cannot be written"
    token=$(od -An -N5 -tx1 /dev/urandom | tr -d ' \n')
    find_connection
    { put connection "$connection" && put armed "$(uptime_seconds)" && put token "$token" && put phase armed; } ||
        give_up "$state cannot be written"
    tell_disk || say "warning: $keep cannot be written: if the host loses its power, no copy of the rules of before is left"
    printf '%s\n' "$folder" >"$base/pending"
    if ! start_timer; then
        rm -f "$base/pending"
        put phase refused
        give_up "the timer did not start"
    fi
    wake_timer "$old_timer" "$old_born"
    note "the timer is armed ($timer_way, $seconds s), process $timer; applying, from ${connection:-a console}"
    say "$change: the rules of before are kept, and come back in $seconds s unless the new ones are confirmed"
    trap 'refuse "it was interrupted at command $(get step) of $commands"' INT TERM QUIT
    failed='' number=0
    eval "${NETFILTER_GUARD_AFTER:-}"
    if ! change_rules 2>"$state/error"; then
        cat "$state/error" >&2
        note "refused: $failed"
        refuse "$failed"
    fi
    look_at_now
    put applied "$now" && put phase applied
    trap - INT TERM QUIT
    note "applied"
    end_turn
    say "$change is applied. Now, from a NEW connection to this host, within $seconds s:"
    say ""
    say "    sh $state/guard.sh confirm $token"
    say ""
    say "Keep this session open. If no new connection can be made, do nothing: the rules of before come back by themselves."
}

# whether the change is in a phase in which a timer may act
not_confirmed() {
    case $(get phase) in armed | applied) ;; *) return 1 ;; esac
}

# nothing was changed
give_up() {
    end_turn
    fail "$change is not applied: $*; nothing was changed"
}

# a command of the change failed, or it was told to stop: back at once
refuse() {
    trap '' INT TERM QUIT
    roll_back refused "$1"
    read -r timer timer_born <"$state/timer"
    wake_timer "$timer" "$timer_born"
    end_turn
    printf '%s is not applied: %s\n' "$change" "$1" >&2
    fail "$said"
}

# when this is, in ticks since the host's start, by the clock that processes are born by
look_at_now() {
    now=$(sh -c 'cat "/proc/$$/stat"')
    # shellcheck disable=SC2086  # numbers, and one letter
    set -- ${now##*) }
    now=${20}
}

# whole, or not at all: what was given to a shell by its standard input has no file
copy_itself() {
    cp "$own" "$base/script" 2>/dev/null && [ "$(tail -n 1 "$base/script")" = '# the end of netfilter-guard' ]
}

confirm() {
    console=''
    if [ "${1:-}" = --console ]; then
        console=yes
        shift
    fi
    [ $# -eq 1 ] || usage
    begin
    turn_or_fail confirm
    case $(get phase) in
        applied) ;;
        armed) why="it was not applied to its end: roll it back, or apply it again" ;;
        confirmed) why="it is confirmed already" ;;
        rolled-back) why="too late: the rules of before are in force again; see $state/log" ;;
        refused) why="it was refused, and the rules of before are in force" ;;
        rollback-failed) why="its rollback failed: see $state/log" ;;
        *) why="it was not applied here" ;;
    esac
    if [ "$(get phase)" = applied ]; then
        why=''
        find_connection
        if [ "$1" != "$(get token)" ]; then
            why="$1 is not its token"
        elif [ -n "$console" ]; then
            [ -z "$connection" ] || why="this is no console, but a connection from ${connection%% *}: leave --console out"
        elif [ -z "$connection" ]; then
            why="this shell came by no connection that could prove anything; on a console say: confirm --console TOKEN"
        elif [ "$connection" = "$(get connection)" ]; then
            why="this is the connection that applied it, which proves nothing: make a new one (ssh without ControlMaster)"
        elif [ "$since" -lt "$(get applied)" ]; then
            why="this connection was made before the change was applied (or this is a tmux or screen of before): make a new one"
        fi
    fi
    if [ -n "$why" ]; then
        end_turn
        fail "$change is not confirmed: $why"
    fi
    put phase confirmed
    rm -f "$base/pending"
    read -r timer timer_born <"$state/timer"
    wake_timer "$timer" "$timer_born"
    tell_disk
    note "confirmed, from ${connection:-a console}"
    end_turn
    say "$change is confirmed: its rules stay. Those of before are in $state/before until the host is restarted."
    say "What the host loads when it starts is not changed by this: save the rules as this host does it."
}

rollback() {
    begin
    turn_or_fail rollback
    if [ ! -e "$state/phase" ] && [ -e "$keep/phase" ]; then cp -R "$keep/before" "$keep/phase" "$keep/guard.sh" "$state/"; fi
    case $(get phase) in
        armed | applied | confirmed | rollback-failed) ;;
        *)
            end_turn
            fail "$change: there is nothing to roll back"
            ;;
    esac
    roll_back rolled-back 'by hand'
    code=$?
    if read -r timer timer_born 2>/dev/null <"$state/timer"; then wake_timer "$timer" "$timer_born"; fi
    end_turn
    [ "$code" -eq 0 ] || fail "$said"
    say "$change is rolled back: $said"
}

status() {
    [ "$(id -u)" -eq 0 ] || fail "only root may do that"
    phase=$(get phase)
    timer='' timer_born=''
    if [ -e "$state/timer" ]; then read -r timer timer_born <"$state/timer"; fi
    case $phase in
        armed | applied)
            if [ "$phase" = applied ]; then say "$change is applied and not confirmed."; fi
            if [ "$phase" = armed ]; then say "$change is being applied, or was broken off at command $(get step) of $commands."; fi
            if alive "$timer" "$timer_born"; then
                say "Its timer (process $timer) puts the rules of before back in $(($(get armed) + seconds - $(uptime_seconds))) s."
            else
                say "ITS TIMER IS GONE. Nothing comes back by itself: sh $state/guard.sh rollback"
                exit 1
            fi
            ;;
        confirmed) say "$change is confirmed: its rules are in force." ;;
        rolled-back) say "$change is rolled back: the rules of before are in force." ;;
        refused) say "$change was refused: the rules of before are in force." ;;
        rollback-failed)
            say "THE ROLLBACK OF $change FAILED: see $state/log; the rules of before are in $state/before."
            exit 1
            ;;
        *)
            if [ -e "$keep/boot" ] && ! cmp -s "$keep/boot" /proc/sys/kernel/random/boot_id; then
                was=$(cat "$keep/phase")
                say "$change was $was when this host was restarted: in force is what the host loads when it starts."
                say "The rules of before it are in $keep/before; sh $keep/guard.sh rollback loads them."
            else
                say "$change was not applied here."
            fi
            ;;
    esac
}

# changes nothing
check() {
    [ "$(id -u)" -eq 0 ] || fail "only root may do that"
    tried=$(mktemp -d) || fail "no folder can be made"
    trap 'rm -rf "$tried"' EXIT
    write_texts "$tried/new" || fail "$tried cannot be written"
    check_texts "$tried/new" || fail "$damaged"
    missing=''
    for one in $programs ln mkfifo od awk sed comm cut cmp tr sort; do there "$one" || missing="$missing $one"; done
    [ -z "$missing" ] || fail "this host lacks:$missing"
    keep_rules "$tried/before" || fail "what is in force cannot be kept: $(cat "$tried/before/error")"
    try_rules "$tried/before" || fail "what is in force could not be put back"
    try_change "$tried/new" || fail "the new rules are refused"
    say "$change: its $commands command(s) and the way back look good; nothing was changed"
}

usage() {
    printf 'usage: sh %s check | apply | confirm [--console] TOKEN | rollback | status\n' "$own" >&2
    exit 2
}

case ${1:-}:$# in
    apply:1) apply ;;
    check:1) check ;;
    status:1) status ;;
    rollback:1) rollback ;;
    confirm:2 | confirm:3)
        shift
        confirm "$@"
        ;;
    timer:2) timer "$2" ;;
    *) usage ;;
esac
exit
# the end of netfilter-guard
