# ./dev lint: what can be told of the sources without running them. Read by ../lib.sh and ../../dev.

# Each check says what it finds, and its last line counts. What a check looks at is this folder's: the tree itself, with
# the objects of the last build.
lint() {
    local check status=0
    for check in sql_names rooms trigdesc versions meta control paths format constructors; do
        echo "-- $check"
        "lint_$check" || status=1
    done
    return "$status"
}

# What SQL looks for along search_path.
lint_sql_names() { python3 test/lint/sql_names.py --test && python3 test/lint/sql_names.py src; }

# What points upwards among the rooms.
lint_rooms() { python3 test/lint/rooms.py --test && python3 test/lint/rooms.py .; }

# What looks up while it holds triggers of the relation cache.
lint_trigdesc() { python3 test/lint/trigdesc.py --test && python3 test/lint/trigdesc.py; }

# Whether all files that name the version name the same one.
lint_versions() { python3 test/lint/versions.py --test && python3 test/lint/versions.py; }

# Whether PGXN takes META.json.
lint_meta() { python3 test/lint/meta.py --test && python3 test/lint/meta.py; }

# Whether debian/control is what debian/control.in gives for Debian 12. Elsewhere, pg_buildext updatecontrol writes it anew.
lint_control() {
    if sed 's/PGVERSION/15/g' debian/control.in | diff - debian/control; then
        echo "1 passed, 0 failed"
    else
        echo "0 passed, 1 failed"
        return 1
    fi
}

# Whether the files that docs and comments name are there.
lint_paths() { python3 test/lint/paths.py --test && python3 test/lint/paths.py; }

# clang-format of the one major that lays out as the tree is.
clang_format() {
    local name
    for name in clang-format-14 clang-format; do
        if "$name" --version 2>/dev/null | grep -q 'version 14\.'; then
            echo "$name"
            return
        fi
    done
    return 1
}

format() { # argument...
    local program files
    program=$(clang_format) || return
    mapfile -t files < <(find src test/unit test/fuzz -name '*.cpp' -o -name '*.hpp' | sort)
    "$program" "$@" "${files[@]}"
}

lint_format() {
    if ! clang_format >/dev/null; then
        echo "did not run: there is no clang-format 14"
        echo "0 passed, 0 failed, 1 skipped"
    elif format --dry-run --Werror; then
        echo "1 passed, 0 failed"
    else
        echo "./dev format mends that"
        echo "0 passed, 1 failed"
        return 1
    fi
}

# What a C++ compiler makes of a static object that is built when the module is loaded, or when it is first met, or torn
# down at the end. All of them run outside of entry(): what they throw would bring the server down.
constructors='_GLOBAL__sub_I_|__cxa_guard_acquire|__cxa_atexit'

lint_constructors() {
    local object=$W/constructors.o objects found count
    "${CXX:-g++}" -std=c++17 -O2 -fPIC -c test/lint/constructors.cpp -o "$object" || return
    count=$(nm "$object" | grep -cE "$constructors")
    if [ "$count" -ne 3 ]; then
        echo "constructors.cpp: $count of 3 found"
        echo "0 passed, 1 failed"
        return 1
    fi
    mapfile -t objects < <(find src -name '*.cpp' | sort | sed 's/cpp$/o/')
    found=$(nm -A -C "${objects[@]}") || return
    if found=$(grep -E "$constructors" <<<"$found"); then
        echo "$found"
        echo "1 passed, 1 failed"
        return 1
    fi
    echo "${#objects[@]} objects"
    echo "2 passed, 0 failed"
}
