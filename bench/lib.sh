# ./dev bench: one server, all contenders, the results. Read by ../dev.

# RESULTS.md shows them, as the server says they are. fsync and synchronous_commit stay on.
bench_settings() {
    cat <<-'CONF'
		shared_buffers = 2GB
		maintenance_work_mem = 512MB
		work_mem = 64MB
		effective_cache_size = 8GB
		max_wal_size = 16GB
		checkpoint_timeout = 1h
		autovacuum = off
		jit = off
		random_page_cost = 1.1
	CONF
}

run_bench() { # [--quick] [part...], or --scale [--quick]
    local results=$W/results into=$HERE/bench program=run.py report=RESULTS.md
    if [ "${1-}" = --scale ]; then
        program=scale.py report=SCALE.md
        shift
    fi
    [ $# -eq 0 ] || into=$HERE/build/bench
    bench_settings >>"$W/server.conf"
    say "starting a server in $W"
    job start_server
    job as_server env PGDATABASE=postgres PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
        python3 "$W/tree/bench/$program" --out "$results" "$@"
    mkdir -p "$into"
    cp "$results"/* "$into/"
    say "the results are in ${into#"$HERE"/}/$report"
}
