# ./dev release: one version ends, and the next begins. Read by ../dev.

in_step() { python3 test/lint/versions.py || die "the versions are not in step"; }

# Puts the next version into every file that names this one.
begin() { # version, next
    sed -i "s/^EXTVERSION = .*/EXTVERSION = $2/" Makefile
    sed -i "s/^default_version = .*/default_version = '$2'/" integration_defaults.control
    sed -i -E "s/^(   |         )\"version\": .*/\1\"version\": \"$2.0\",/; s/(integration_defaults--).*(\.sql)/\1$2\2/" META.json
    sed -i "s/integration-defaults_$1-1_/integration-defaults_$2-1_/" README.md docs/installing.md
    sed -i "0,/^## /s//## $2 (unreleased)\n\n## /" CHANGELOG.md
    { entry "$2" "Begun." && echo && cat debian/changelog; } >"$W/changelog" && cat "$W/changelog" >debian/changelog
    cat >"upgrade/integration_defaults--$1--$2.sql.in" <<END
-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION integration_defaults UPDATE TO '$2'" to load this file. \quit

-- From $1 to $2: see "Changing what is installed" in CONTRIBUTING.md.
END
}

entry() { # version, what
    printf 'postgresql-integration-defaults (%s-1) unstable; urgency=medium\n\n  * %s\n\n -- %s  %s\n' \
        "$1" "$2" "$(sed -n 's/^Maintainer: //p' debian/control.in)" "$(date -R)"
}

release() { # version, next
    local version=$1 next=${2-} script
    [[ $version =~ ^[0-9]+\.[0-9]+$ ]] || die "a version is two numbers, like 1.0"
    [ -n "$next" ] || next=${version%.*}.$((${version#*.} + 1))
    [[ $next =~ ^[0-9]+\.[0-9]+$ && $(printf '%s\n' "$version" "$next" | sort -V | head -n 1) = "$version" && $next != "$version" ]] ||
        die "$next does not come after $version"
    need git python3
    [ -z "$(git status --porcelain)" ] || die "something is not committed"
    [ "$(sed -n 's/^EXTVERSION = //p' Makefile)" = "$version" ] || die "the version that is being written is not $version: see Makefile"
    # Nothing is to be left half done: what is there already would be found only by the last steps.
    [ -z "$(git tag -l "v$version")" ] || die "there is a tag v$version already"
    [ ! -e "upgrade/integration_defaults--$version.sql" ] || die "$version is frozen already: see upgrade/"
    grep -q "^## $version (unreleased)$" CHANGELOG.md || die "CHANGELOG.md does not begin with $version (unreleased)"
    in_step
    make -s PG_CONFIG="$PG_CONFIG" scripts
    script=integration_defaults--$version.sql
    cp "$script" "upgrade/$script"
    for script in "upgrade/integration_defaults--"*"--$version.sql.in"; do
        [ -e "$script" ] || continue
        cp "$(basename "$script" .in)" "${script%.in}"
        git rm -q "$script"
    done
    sed -i "s/^## $version (unreleased)/## $version ($(date -I))/" CHANGELOG.md
    { entry "$version" "Release $version: see CHANGELOG.md." && sed '1,/^ -- /d' debian/changelog; } >"$W/changelog"
    cat "$W/changelog" >debian/changelog
    in_step
    git add -A
    git commit -q -m "Release $version"
    git tag -a "v$version" -m "integration_defaults $version"
    make -s PG_CONFIG="$PG_CONFIG" dist
    begin "$version" "$next"
    in_step
    git add -A
    git commit -q -m "Begin $next"
    say "released $version as v$version, in build/; what is written now is $next"
}
