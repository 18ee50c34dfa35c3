# ./dev test majors: the same on the servers of newer Debians, each in a folder of its own. Read by ../lib.sh.

majors=(17 18)
# The rest is about clients, or does not depend on the server. PARTS="regress 003_privileges" ./dev test 18 runs less.
read -ra parts_of_majors <<<"${PARTS:-unit regress isolation tap model pairs}"
majors_until='' # in a run of all tests, no part of a major begins later (date +%s): a slow machine has to end, too

# Debian's suite that has a major, and the script of debootstrap that serves for it: Debian 12's has none for forky.
suite_of() { # major
    case $1 in
        15) echo bookworm bookworm ;;
        17) echo trixie trixie ;;
        18) echo forky sid ;;
    esac
}

root_of() { echo "$HERE/.majors/$1"; } # major

# Where apt has this Debian from.
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sed -n '1{s,/*$,,;p}'; }

# Runs a command with mounts and processes of its own, which end with it, whatever happens.
apart() { unshare --mount --pid --ipc --fork --kill-child "$@"; } # command...

within() { # major or its folder, NAME=value or command...
    local root=$1
    [[ $root == /* ]] || root=$(root_of "$root")
    shift
    # The shell stays, as the first of its processes has to bury those whose parents are gone.
    apart sh -c 'mount -t proc proc "$0/proc" && mount -t tmpfs -o size=2g,mode=1777 tmpfs "$0/dev/shm" || exit
        chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
        exit $?' "$root" "$@"
}

# Says why majors can't be tested here; nothing if they can.
hindrance() { # major...
    local major suite
    if [ "$EUID" -ne 0 ]; then
        echo "it needs root"
    elif ! apart true 2>/dev/null; then
        echo "it needs the right to mount"
    else
        for major; do
            [ ! -d "$(root_of "$major")" ] || continue
            read -r suite _ < <(suite_of "$major")
            if ! command -v apt-get >/dev/null || ! (need debootstrap debian-archive-keyring) >&2; then
                echo "it needs debootstrap"
                break
            fi
            [ -n "$(mirror)" ] || apt-get update -q >&2 || true
            if ! /usr/lib/apt/apt-helper download-file "$(mirror)/dists/$suite/InRelease" "$W/$suite.release" >&2; then
                echo "apt's mirror does not answer, or has no $suite"
                break
            fi
        done
    fi
}

# A Debian in a folder, where no service starts, and whose mirror may be weeks behind.
bootstrap() { # major, folder
    local suite script
    read -r suite script < <(suite_of "$1")
    rm -rf "$2"
    mkdir -p "$2"
    apart debootstrap --variant=minbase "$suite" "$2" "$(mirror)" "/usr/share/debootstrap/scripts/$script" &&
        printf '#!/bin/sh\nexit 101\n' >"$2/usr/sbin/policy-rc.d" &&
        chmod +x "$2/usr/sbin/policy-rc.d" &&
        printf '%s\n' 'Acquire::Check-Valid-Until "false";' 'Acquire::Retries "3";' >"$2/etc/apt/apt.conf.d/mirror" ||
        return 75
}

# Makes a major's folder, or takes another run's. One that was not finished is not there: it has another name until then.
make_root() { # major
    local root
    root=$(root_of "$1")
    [ -d "$root" ] || { bootstrap "$1" "$root.part" && mv "$root.part" "$root"; }
}

# Lays what is here into a major's folder, once a run.
lay_tree() { # major
    local root
    root=$(root_of "$1")
    [ ! -e "$W/laid.$1" ] || return 0
    rm -rf "$root/tree" "$root"/tmp/*
    mkdir "$root/tree" &&
        tar -c --exclude-vcs --exclude=./.majors --exclude=./build --exclude='*.[od]' --exclude='*.so' . | tar -x -C "$root/tree" &&
        touch "$W/laid.$1"
}

# Runs ./dev in a major's folder, after what an interrupted installation has left undone. Its lines are marked.
dev_within() { # major, NAME=value..., argument...
    local major=$1 settings=()
    shift
    while [[ $1 == *=* ]]; do
        settings+=("$1")
        shift
    done
    make_root "$major" && lay_tree "$major" || return
    within "$major" PG_MAJOR="$major" "${settings[@]}" sh -c '
        { dpkg --configure -a && apt-get install -q -y --fix-broken; } </dev/null >/dev/null || exit 75
        cd /tree && exec ./dev "$@"' sh "$@" 2>&1 |
        tee "$W/within.$major" | sed -u "s/^/$major| /"
    return "${PIPESTATUS[0]}"
}

counts_within() { tail -n 1 "$W/within.$1" 2>/dev/null | grep ' passed, ' || true; } # major

# All at once, as the tests of one leave half of the processors idle.
majors_at_once() { # major...
    local major status=0
    for major; do
        {
            dev_within "$major" UNTIL="$majors_until" test "${parts_of_majors[@]}" || status=$?
            echo "$status" >"$W/status.$major"
        } &
    done
    wait
}

# What came of it.
major_ran() { # major
    grep '^! ' "$W/within.$1"
    counts_within "$1"
    return "$(cat "$W/status.$1")"
}

# Begins the majors' tests, unless they can't run.
begin_majors() { # major or file...
    local name able=()
    for name; do
        [[ " ${majors[*]} " = *" $name "* ]] || continue
        why[$name]=$(hindrance "$name")
        [ -n "${why[$name]}" ] || able+=("$name")
    done
    [ ${#able[@]} -gt 0 ] || return 0
    built # nothing changes here any more while it is copied there
    say "beside what follows: ${able[*]}"
    begin_beside majors_at_once "${able[@]}"
}

# What came of each major's tests, or why they can't run.
run_majors() { # major or file...
    local name before
    if [ -n "${OLDER-}" ]; then
        built
        part pg_upgrade "$W/tap/tmp_check/log" pg_upgrade_here "$@"
        return
    fi
    [ -z "$beside" ] || end_beside
    for name in $(basename -a "${@%.*}"); do
        before=("$passed" "$failed" "$skipped")
        [ "$name" != pg_upgrade ] || why[pg_upgrade]=$(hindrance "${majors[@]}")
        if [ -n "${why[$name]}" ]; then
            say "$name"
            cant_run "$name" "${why[$name]}"
        elif [ "$name" = pg_upgrade ]; then
            built
            UNTIL=$majors_until part pg_upgrade "$W/pg_upgrade" pg_upgrade
        else
            part "$name" "$W/$name" major_ran "$name"
        fi
        elsewhere+=("$name: $(sum $((passed - before[0])) $((failed - before[1])) $((skipped - before[2])))")
    done
}

# From PostgreSQL 15 to each later major in turn, in the folder of the newest, beside servers of all.
pg_upgrade() {
    local newest=${majors[-1]} root older major suite status=0
    root=$(root_of "$newest") older=(15 "${majors[@]::${#majors[@]}-1}")
    make_root "$newest" && lay_tree "$newest" && mkdir -p "$root/tree/older" && cp -R "$W/dest/." "$root/tree/older" || return
    for major in "${older[@]}"; do
        if [ ! -d "$root/tree/older/usr/lib/postgresql/$major" ]; then
            dev_within "$major" build && cp -R "$(root_of "$major")/tree/build/dest/." "$root/tree/older" || return
        fi
        read -r suite _ < <(suite_of "$major")
        # What was built for a server wants one that is not older: so from where that one came, updates and all.
        { [ "$major" = "$PG_MAJOR" ] && sources_here "$suite" || sources_within "$newest" "$suite"; } \
            >"$root/etc/apt/sources.list.d/$suite.list"
        printf 'Package: *\nPin: release n=%s*\nPin-Priority: 100\n' "$suite" >"$root/etc/apt/preferences.d/$suite"
    done
    dev_within "$newest" OLDER="${older[*]}" test pg_upgrade || status=$?
    counts_within "$newest"
    return "$status"
}

sources_here() { # suite
    apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' | grep -E " $1(-[a-z]+)? "
}

sources_within() { # major, another suite
    sed "s/ $(suite_of "$1" | cut -d' ' -f1) / $2 /" "$(root_of "$1")/etc/apt/sources.list"
}

# The same, there. The folder is ours alone, so what was built goes where each server looks by itself: pg_upgrade of 18
# does not ask the settings.
pg_upgrade_here() { # file
    local major packages=() status=0
    for major in $OLDER; do
        packages+=("postgresql-$major")
    done
    need perl libipc-run-perl "${packages[@]}"
    cp -R older/. "$W/dest" && cp -R "$W/dest/." / || return
    tap tap "$@" || status=$?
    (cd "$W/dest" && find . -type f -exec sh -c 'cd / && rm -f "$@"' sh {} +)
    return "$status"
}
