# ./dev test: the parts of the tests, and the sum of what they count. Read by ../dev.

. test/lint/lib.sh
. test/majors/lib.sh
. test/package/lib.sh

passed=0 failed=0 skipped=0
failures=() # lines that say what failed, which the end of a run shows once more

# Passed, failed and skipped tests in a part's own output: GoogleTest, pg_regress (up to 15, and from 16), prove -v, and the
# last line of our own scripts. Or the lines that tell of a failure, each with the one before, which may name it.
count() { # log, whether to give the lines instead
    awk -v lines="${2-}" '
         function bad(n) {
             failed += n
             if (lines && n > 0) { if (before != told) print "! " before; print "! " (told = $0) }
         }
         /^ok [0-9]+.* # (SKIP|skip)/ || /^1\.\.0 # (SKIP|skip)/ { skipped++; next }
         /^\[       OK \]/ || /^test .* \.\.\. ok / || /^ok [0-9]+/ { passed++ }
         /^\[  FAILED  \] .* ms\)$/ || /^test .* \.\.\. FAILED/ || /^not ok [0-9]+/ { bad(1) }
         /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { passed += $1; bad($3); skipped += $5 }
         /^! / { if (lines) print; next } # a major has told
         { before = $0 }
         END { if (!lines) print passed + 0, failed + 0, skipped + 0 }' "$1"
}

logged() { # log, command...
    local log=$1
    shift
    "$@" 2>&1 | tee "$log"
    return "${PIPESTATUS[0]}"
}

# Runs a part and adds its counts. One that fails without saying so, or that tests nothing, has not run to its end.
part() { # name, folder whose logs tell more, command...
    local name=$1 logs=$2 log=$W/${1//\//_}.log status=0 ok bad left
    shift 2
    say "$name"
    if [ -n "${UNTIL-}" ] && [ "$(date +%s)" -ge "$UNTIL" ]; then
        cant_run "$name" "the time is over"
        return
    fi
    job logged "$log" "$@" || status=$?
    if [ "$status" -eq 75 ]; then # as need() says
        cant_run "$name" "what it needs could not be installed"
        return
    fi
    read -r ok bad left < <(count "$log")
    if [ $((ok + bad + left)) -eq 0 ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        echo "$name: did not run to its end (exit status $status)"
        bad=$((bad + 1))
    fi
    add "$ok" "$bad" "$left"
    [ "$bad" -gt 0 ] || return 0
    failures+=("! $name: $bad failed, exit status $status" "$(count "$log" lines | head -n 60)")
    tell_more "$logs"
}

add() { # passed, failed, skipped
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# A part that can't run here has neither passed nor failed.
cant_run() { # name, why
    echo "$1: did not run: $2"
    add 0 0 1
}

sum() { # passed, failed, skipped
    printf '%s passed, %s failed' "$1" "$2"
    [ "$3" -eq 0 ] || printf ', %s skipped' "$3"
    printf '\n'
}

tell_more() { # folder
    local file
    [ ! -s "$1/regression.diffs" ] || head -n 400 "$1/regression.diffs"
    while IFS= read -r file; do
        printf '\n-- what failed in %s, and its end\n' "${file#"$W"/}"
        grep -A 8 '#   Failed test' "$file" | head -n 60 || true
        tail -n 20 "$file"
    done < <(find "$1" -maxdepth 2 -name 'regress_log_*' 2>/dev/null | sort)
    while IFS= read -r file; do
        printf '\n-- a server went down: %s\n' "${file#"$W"/}"
        grep -B5 -A5 -m 5 -E 'PANIC|TRAP|was terminated by signal|terminate called' "$file" || true
    done < <(find "$1" -maxdepth 2 -name '*.log' -exec grep -lE 'PANIC|TRAP|was terminated by signal|terminate called' {} + 2>/dev/null)
}

unit() {
    "${CXX:-g++}" -std=c++17 -O1 -g -Wall -Wextra -Wshadow -Werror -fsanitize=address,undefined \
        -fno-sanitize-recover=all -Isrc test/unit/*.cpp src/core/*.cpp -lgtest -lgtest_main -pthread -o "$W/unit.run" &&
        "$W/unit.run"
}

# A bounded run; FUZZ_SECONDS=3600 ./dev test fuzz is a longer one. Input that fails is printed, in base64 too.
fuzz() { # file...
    local seconds=${FUZZ_SECONDS:-20}
    clang++ -std=c++17 -O1 -g -Wall -Wextra -Wshadow -Werror -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=all -Isrc "$@" src/core/*.cpp -o "$W/fuzz.run" || return
    echo "$seconds seconds of random chains"
    if "$W/fuzz.run" -max_total_time="$seconds" -max_len=300 -verbosity=0 -artifact_prefix="$W/"; then
        echo "1 passed, 0 failed"
    else
        echo "0 passed, 1 failed"
    fi
}

# With VALGRIND the server of pg_regress runs under valgrind, and what that says of our code is a failure. As the server
# tells it nothing of memory contexts, it sees values that were never set, and what lies beyond a block of malloc().
under_valgrind() { # folder
    need valgrind
    as_server mkdir "$1" "$1/logs" &&
        as_server ln -s "$BIN"/* "$1" &&
        as_server rm "$1/postgres" &&
        printf '#!/bin/sh\nexec valgrind --quiet --trace-children=yes --num-callers=30 --log-file=%s/logs/%%p %s/postgres "$@"\n' "$1" "$BIN" |
            as_server tee "$1/postgres" >/dev/null &&
        as_server chmod +x "$1/postgres"
}

regress() { # regress or isolation, file...
    local kind=$1 program=pg_regress input=$W/tree output=$W/$1 names bin=$BIN status=0
    shift
    if [ "$kind" = isolation ]; then
        program=pg_isolation_regress input=$W/tree/test/isolation
    fi
    names=("${@##*/}")
    as_server mkdir "$output"
    if [ -n "${VALGRIND-}" ]; then
        bin=$output/bin
        under_valgrind "$bin" || return
    fi
    as_server PG_REGRESS_SOCK_DIR="$W" "$PGXS_TESTS/$kind/$program" --inputdir="$input" --outputdir="$output" \
        --bindir="$bin" --temp-instance="$output/instance" --temp-config="$W/server.conf" \
        --encoding=UTF8 --no-locale --dbname=regression "${names[@]%.*}" || status=$?
    if [ -n "${VALGRIND-}" ] && grep -hE -B12 -A12 'intd::|intd_|integration_defaults' "$bin"/logs/*; then
        echo "0 passed, 1 failed"
    fi
    return "$status"
}

tap() { # part, file...
    local folder=$W/$1 data=$W/$1/tmp_check
    shift
    as_server mkdir "$folder"
    as_server TEMP_CONFIG="$W/server.conf" TESTDIR="$folder" TESTDATADIR="$data" TESTLOGDIR="$data/log" \
        PG_REGRESS="$PGXS_TESTS/regress/pg_regress" TREE="$W/tree" \
        prove -v -I "$PGXS_TESTS/perl" -I "$W/tree/test/t" "${@/#/$W/tree/}" | grep -v '^#' # but what went wrong
}

# A test in Python, in a database of its own with the extension in it.
python() { # file
    local file=$1 database
    database=$(tr / _ <<<"${file%.py}")
    as_server psql -q -c "CREATE DATABASE $database" postgres &&
        as_server psql -q -c "CREATE EXTENSION integration_defaults" "$database" &&
        as_server PGDATABASE="$database" PYTHONDONTWRITEBYTECODE=1 python3 "$W/tree/$file"
}

need_for() { # part
    case $1 in
        lint)
            need python3
            (need clang-format-14) || true # without it, the rest
            ;;
        unit) need libgtest-dev ;;
        fuzz) need clang libclang-rt-dev ;;
        tap | upgrade) need perl libipc-run-perl ;;
        schema) need python3 python3-jsonschema python3-psycopg json-schema-test-suite ;;
        catalogue | model | pairs | access | attack | secrets | bench) need python3 python3-psycopg ;;
    esac
}

# What a client needs. Its packages are many, so only those of the clients that run; for JavaScript any node does.
need_clients() { # folder...
    local folder packages=()
    for folder; do
        case $(basename "$folder") in
            psycopg) packages+=(python3-psycopg) ;;
            asyncpg) packages+=(python3-asyncpg) ;;
            sqlalchemy) packages+=(python3-sqlalchemy python3-psycopg2 python3-asyncpg) ;;
            django) packages+=(python3-django python3-psycopg2) ;;
            activerecord) packages+=(ruby-activerecord ruby-pg) ;;
            jdbc) packages+=(default-jdk-headless libpostgresql-jdbc-java) ;;
            sequel) packages+=(ruby-sequel ruby-pg) ;;
            dbd-pg) packages+=(perl libdbd-pg-perl) ;;
            libpqxx) packages+=(libpqxx-dev) ;;
            pgx) packages+=(golang-go golang-github-jackc-pgx-v4-dev) ;;
            doctrine) packages+=(php-cli php-pgsql php-doctrine-orm) ;;
            hibernate) packages+=(default-jdk-headless libpostgresql-jdbc-java libhibernate3-java libjavassist-java libslf4j-java) ;;
            *) command -v npm >/dev/null || packages+=(nodejs npm) ;;
        esac
    done
    need "${packages[@]}"
}

# A program in a real client, in a database of its own with the extension in it. Nothing may wait there for ever.
client() { # folder
    local database=client_${1##*/} folder=$W/tree/$1
    as_server psql -q -c "CREATE DATABASE \"$database\"" -c "ALTER DATABASE \"$database\" SET lock_timeout = '30s'" postgres &&
        as_server psql -q -c "CREATE EXTENSION integration_defaults" "$database" && cd "$folder" || return
    export PGDATABASE=$database PYTHONDONTWRITEBYTECODE=1 TMPDIR=$W
    if [ -e run.py ]; then
        /usr/bin/python3 "$folder/run.py"
    elif [ -e run.rb ]; then
        /usr/bin/ruby run.rb
    elif [ -e run.pl ]; then
        /usr/bin/perl run.pl
    elif [ -e run.cpp ]; then
        g++ -std=c++17 -o "$W/libpqxx" run.cpp -lpqxx -lpq && "$W/libpqxx"
    elif [ -e run.go ]; then
        HOME=$W GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS=-p=2 go run run.go
    elif [ -e run.php ]; then
        /usr/bin/php -d error_reporting=8191 run.php # but what is deprecated
    elif [ -e hibernate.classpath ]; then
        local jars
        jars=$(printf '/usr/share/java/%s.jar:' $(cat hibernate.classpath))
        javac -J-XX:-UsePerfData -cp "$jars" -d "$W/hibernate" ./*.java ../../clients/jdbc/UnixSocketFactory.java &&
            java -XX:-UsePerfData --add-opens java.base/java.lang=ALL-UNNAMED -cp "$W/hibernate:$jars" Run ../../clients/app.sql
    elif [ -e Run.java ]; then
        local driver=/usr/share/java/postgresql.jar
        javac -J-XX:-UsePerfData -cp "$driver" -d "$W/jdbc" ./*.java &&
            java -XX:-UsePerfData -cp "$W/jdbc:$driver" Run ../app.sql
    else
        [ -d ../node_modules ] || npm install --prefix .. --no-package-lock --ignore-scripts --omit=optional \
            --no-audit --no-fund --loglevel=error && node run.mjs
    fi
}

# Queries at random, which may fail but not bring the server down, nor with an internal error.
sqlsmith() { # file with tables
    need sqlsmith
    local log=$W/server/server.log count=${QUERIES:-5000} called
    as_server psql -q -c "CREATE DATABASE smith" -c "ALTER DATABASE smith SET track_functions = 'all'" \
        -c "ALTER DATABASE smith SET statement_timeout = '5s'" postgres || return
    as_server psql -q -v ON_ERROR_STOP=1 -f "$W/tree/$1" smith >/dev/null || return
    as_server sqlsmith --target="host=$W dbname=smith user=postgres" --exclude-catalog --max-queries="$count" \
        --seed="${SEED:-$RANDOM}" || true
    called=$(as_server psql -qAtc "SELECT count(*) FILTER (WHERE calls > 0) || ' of our functions, ' || sum(calls) || ' times'
        FROM pg_stat_user_functions WHERE schemaname = 'integration_defaults'" smith) && echo "called $called" &&
        ! grep -E 'was terminated by signal|TRAP|PANIC|C\+\+ exception|SPI_|cache lookup failed' "$log" &&
        echo "the server is up after $count queries" && echo "1 passed, 0 failed"
}

# The regression tests once more, with a schema in front of pg_catalog that has a version of each operator and function
# which our statements could find along search_path: it raises there. Some show what that changes: plans and paths, or do
# themselves what uses it: of these only what it raised counts.
poison() {
    local show_more=(general_views settings_at tracking tracking_filter tracking_rights typed_views views) database=poisoned output=$W/poison status=0
    local name called raised strict=() regress=("$PGXS_TESTS/regress/pg_regress" --inputdir="$output" --outputdir="$output"
        --bindir="$BIN" --host="$W" --user=postgres --use-existing --dbname=$database)
    called=$(grep -IrohE '\b[a-z_0-9]+ ?\(' src | tr -d ' (' | sort -u | tr '\n' ' ')
    as_server mkdir "$output" && as_server cp -R "$W/tree/sql" "$W/tree/expected" "$output" &&
        as_server sed -i -E -e '/^SET search_path = /{s/, pg_catalog;/;/;s/;$/, poison, pg_catalog;/}' \
            -e 's/(WHEN \(NEW\.project_id) = /\1 OPERATOR(pg_catalog.=) /' "$output"/{sql,expected}/* && # runs inside ours
        as_server psql -q -c "CREATE DATABASE $database TEMPLATE template0" -c "ALTER SYSTEM SET autovacuum = off" \
            -c "SELECT pg_reload_conf()" -o /dev/null postgres &&
        as_server psql -q -v ON_ERROR_STOP=1 -c "CREATE SCHEMA poison" -c "SET client_min_messages = warning" \
            -v schema=poison -v names="$called" -v check="$(cat test/poison/check.sql)" \
            -f "$W/tree/test/poison/plant.sql" -f "$W/tree/test/poison/watch.sql" $database &&
        as_server psql -q -c "ALTER DATABASE $database SET search_path = public, poison, pg_catalog" postgres || return
    for name in sql/*.sql; do
        name=$(basename "$name" .sql)
        [[ " ${show_more[*]} " = *" $name "* ]] || strict+=("$name")
    done
    as_server "${regress[@]}" "${show_more[@]}" >/dev/null 2>&1 || true
    as_server "${regress[@]}" "${strict[@]}" || status=$? # the last: its differences are those that are shown
    for name in "${show_more[@]}"; do
        raised='of ours (found|depends on) what was planted'
        [ "$name" != tracking ] || raised='of ours found what was planted' # makes triggers of ours again, by itself
        if [ ! -s "$output/results/$name.out" ] || grep -E -A 3 "$raised" "$output/results/$name.out"; then
            printf 'test %s ... FAILED\n' "$name"
            status=1
        else
            printf 'test %s ... ok \n' "$name"
        fi
    done
    as_server psql -q -c "ALTER SYSTEM RESET autovacuum" -c "SELECT pg_reload_conf()" -o /dev/null postgres
    return "$status"
}

# The files of a part that were asked for; all of them if none were named, or if the part was.
chosen() { # part, file...
    local part=$1 file want
    shift
    for file; do
        for want in "${wanted[@]-}"; do
            case $want in
                '' | "$part" | "$file" | "$(basename "${file%.*}")" | "$(basename "$file")") echo "$file"; break ;;
            esac
        done
    done
}

test_all() { # part or file...
    local wanted=("$@") others=("${majors[@]}" test/majors/pg_upgrade.pl) elsewhere=()
    local -A why # a major can't run here
    shopt -s nullglob
    if [ "$*" = "$PG_MAJOR" ] || { [ $# -eq 0 ] && [ "$PG_CONFIG" != /usr/lib/postgresql/15/bin/pg_config ]; }; then
        wanted=() others=() # all, on this server alone
    elif [ $# -eq 0 ]; then
        majors_until=$(($(date +%s) + 60 * ${MAJORS_MINUTES:-60}))
    fi
    begin_majors $(chosen majors "${others[@]}")
    run_part lint test/lint/*.py
    run_part unit test/unit/*.cpp
    run_part fuzz test/fuzz/*.cpp
    run_part regress sql/*.sql
    run_part isolation test/isolation/specs/*.spec
    run_part tap test/t/*.pl
    run_part upgrade test/upgrade/*.pl
    run_part poison test/poison/plant.sql # its name is the only one: files are regress's
    run_part schema test/schema/run.py
    run_part catalogue test/catalogue/run.py
    run_part model test/model/{test_model,nonsense,atomic_groups,run,history}.py
    run_part pairs test/pairs/run.py
    run_part access test/access/run.py
    run_part attack test/attack/run.py
    run_part secrets test/secrets/run.py
    run_part bench test/bench/run.py
    run_part clients test/clients/*/
    if [ ${#wanted[@]} -gt 0 ]; then # only if asked for
        run_part clients-all test/clients-all/*/
        run_part sqlsmith test/sqlsmith/tables.sql
    fi
    local here=("$passed" "$failed" "$skipped")
    [ ${#others[@]} -eq 0 ] || run_part majors "${others[@]}"
    [ $((passed + failed + skipped)) -gt 0 ] || die "there is no test by the name of $*"
    echo
    [ ${#elsewhere[@]} -eq 0 ] || printf '%s\n' "$PG_MAJOR: $(sum "${here[@]}")" "${elsewhere[@]}"
    outcome
}

# What failed, the last line, and the exit status: 75 if nothing could run.
outcome() {
    [ ${#failures[@]} -eq 0 ] || printf '%s\n' "${failures[@]}" | grep .
    sum "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ] || return 1
    [ "$passed" -gt 0 ] || return 75
}

run_part() { # part, file...
    local name=$1 files file
    mapfile -t files < <(chosen "$@")
    if [ ${#files[@]} -eq 0 ]; then
        [ ${#wanted[@]} -gt 0 ] || part "$name" "$W/$name" echo "no files"
        return 0
    fi
    need_for "$name"
    case $name in unit | fuzz | majors) ;; *) built ;; esac
    case $name in
        lint) part lint "$W/lint" lint ;;
        unit) part unit "$W/unit" unit ;;
        fuzz) part fuzz "$W/fuzz" fuzz "${files[@]}" ;;
        regress | isolation) part "$name" "$W/$name" regress "$name" "${files[@]}" ;;
        poison)
            [ -d "$W/server" ] || start_server
            part poison "$W/poison" poison
            ;;
        tap | upgrade) part "$name" "$W/$name/tmp_check/log" tap "$name" "${files[@]}" ;;
        majors) run_majors "${files[@]}" ;;
        clients | clients-all)
            need_clients "${files[@]}"
            [ -d "$W/server" ] || start_server
            for file in "${files[@]%/}"; do
                part "$file" "$W/server" client "$file"
            done
            ;;
        *)
            [ -d "$W/server" ] || start_server
            for file in "${files[@]}"; do
                case $name in
                    sqlsmith) part "$name" "$W/server" sqlsmith "$file" ;;
                    *) part "$file" "$W/server" python "$file" ;;
                esac
            done
            ;;
    esac
}
