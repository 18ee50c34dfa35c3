# Run in a clean Debian, for a major: the package as apt installs it, README's Getting Started and nothing else, installcheck,
# removal; or the same from source, with nothing but what README says that it needs. Counts what works.
set -u
what=$1 major=$2 package=postgresql-$2-integration-defaults
passed=0 failed=0
cd /tree || exit

check() { # what it shows, command...
    local what=$1
    shift
    if "$@" >/tmp/said 2>&1; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $what"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $what"
        tail -n 60 /tmp/said
    fi
}

install() { apt-get install -q -y --no-install-recommends "$@"; } # package or file...

# The SQL of README from its CREATE EXTENSION to the end of Getting Started, as a person types it.
getting_started() {
    awk '/^## Where to Find What/ { exit } /^```$/ { sql = 0 } sql; /^```sql/ { sql = 1 }' README.md >/tmp/started.sql
    grep -q 'CREATE EXTENSION' /tmp/started.sql && grep -q 'undo' /tmp/started.sql &&
        runuser -u postgres -- sh -c "cd /tmp && pg_virtualenv -v $major psql -X -v ON_ERROR_STOP=1 -f /tmp/started.sql" >/tmp/started 2>&1
    cat /tmp/started
    grep -q '30 | t  *| https://chat.example/mine  *| project  *| 30' /tmp/started && ! grep ERROR /tmp/started
}

# Whatever the installed pages send their reader to is there; but for files of the source, which has them.
pages() {
    cd "/usr/share/doc/$package" || return
    grep -oE '\]\([^)#: ]+[)#]' README.md docs/*.md | tr -d ')#' | grep -vE '\((\.\./)*(CONTRIBUTING.md|src/|test/)' | sort -u |
        while IFS= read -r link; do
            page=${link%%:*} target=${link#*](}
            [ -s "$(dirname "$page")/$target" ] || echo "$page: there is no $target"
        done >/tmp/dead
    cat /tmp/dead
    cd /tree
    [ -s "/usr/share/doc/$package/docs/reference.md" ] && [ ! -s /tmp/dead ]
}

no_compiler() { ! { command -v g++ || command -v make || [ -e /usr/include/openssl ]; }; }

# The packages that README names for a build, for this major.
named_for_builds() { sed -n '/^sudo apt install make/{s/^sudo apt install //;s/ && .*//;p;q}' README.md | sed "s/-dev-15/-dev-$major/"; }

installcheck() {
    chown -R postgres: /tree && runuser -u postgres -- debian/tests/installcheck
}

no_extension() {
    ! runuser -u postgres -- sh -c "cd /tmp && pg_virtualenv -v $major psql -X -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION integration_defaults'"
}

nothing_left() {
    ! find / -xdev \( -path /tree -o -path /proc -o -path /tmp \) -prune -o \
        \( -name '*integration_defaults*' -o -name '*integration-defaults*' \) -print | grep .
}

from_source() {
    mkdir /tmp/source && cd /tmp/source && unzip -q /tree/integration_defaults-*.zip && cd integration_defaults-* &&
        make -s -j"$(nproc)" PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" &&
        make -s install PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config"
    local status=$?
    cd /tree
    return $status
}

try_package() {
    check "apt installs the package" install "./$(basename "$package"_*.deb)"
    check "Getting Started works" getting_started
    check "README leads to the pages" pages
    check "what the tests need is installed" install make postgresql-server-dev-all
    check "installcheck passes" installcheck
    check "apt removes the package" apt-get purge -q -y "$package"
    check "the server no longer has the extension" no_extension
    check "and nothing is left of the package" nothing_left
}

try_source() {
    check "there is no compiler yet" no_compiler
    check "what README names is installed, and a server" install unzip "postgresql-$major" $(named_for_builds)
    check "the source is built and installed" from_source
    check "Getting Started works" getting_started
    check "make uninstall removes it" sh -c "cd /tmp/source/integration_defaults-* && make -s uninstall PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config"
    check "and nothing is left" nothing_left
}

check "apt knows its Debian's packages" apt-get update -q
"try_$what"
[ "$failed" -eq 0 ]
