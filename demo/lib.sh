# ./dev demo: a server of its own, the organisation, the walk. Read by ../dev.

demo_psql() { as_server psql -X -q -v ON_ERROR_STOP=1 -d demo "$@"; }

run_demo() { # --keep or nothing
    local pause=0 bold='' plain=''
    if [ -t 1 ]; then
        pause=2 bold=$'\e[1m' plain=$'\e[0m'
    fi
    say "starting a server in $W"
    job start_server
    job as_server createdb demo
    job demo_psql -v pause="$pause" -v bold="$bold" -v plain="$plain" -f "$W/tree/demo/organisation.sql" -f "$W/tree/demo/walk.sql"
    if [ "$1" = --keep ]; then
        open_psql -d demo || true
    fi
}
