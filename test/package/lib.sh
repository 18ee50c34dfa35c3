# ./dev package: Debian's packages, each built and tried on its own Debian, in the folders of ../majors. Read by ../lib.sh.

# A Debian with nothing in it yet, kept as an archive.
bare_root() { # major
    local root
    root=$(root_of "$1")
    [ ! -e "$root.tar" ] || return 0
    bootstrap "$1" "$root.bare" && tar -C "$root.bare" -cf "$root.tar.part" . && mv "$root.tar.part" "$root.tar" && rm -rf "$root.bare"
}

# What a person does who gets the packages' source, with what it says that it needs.
build_package() { # major
    within "$1" DEBIAN_FRONTEND=noninteractive sh -ec '
        cp -R /tree /package && cd /package
        apt-get update -q >/dev/null
        apt-get install -q -y --no-install-recommends dpkg-dev fakeroot postgresql-server-dev-all >/dev/null
        pg_buildext updatecontrol
        apt-get build-dep -q -y --no-install-recommends ./ >/dev/null
        DEB_BUILD_OPTIONS="parallel=$(nproc) noautodbgsym" dpkg-buildpackage -b -us -uc'
}

# A Debian that has nothing but the tree, the package and PGXN's archive; gone when what is tried in it has been.
try_clean() { # package or source, major
    local root clean status=0
    root=$(root_of "$2") clean=$(root_of "$2").clean
    rm -rf "$clean"
    mkdir -p "$clean" && tar -C "$clean" -xpf "$root.tar" && mkdir "$clean/tree" &&
        tar -C "$root/tree" -c --exclude=./older --exclude=./build . | tar -x -C "$clean/tree" &&
        cp "build/package/postgresql-$2-integration-defaults_"*.deb "$archive" "$clean/tree" || return
    within "$clean" DEBIAN_FRONTEND=noninteractive sh /tree/test/package/try.sh "$1" "$2" || status=$?
    rm -rf "$clean"
    return "$status"
}

# From the building to the removal, for one major. What is left is the package, in build/package.
package() { # major
    local root status=0
    root=$(root_of "$1")
    make_root "$1" && lay_tree "$1" && bare_root "$1" || return
    rm -rf "$root/package" "$root"/postgresql-*integration-defaults* "build/package/postgresql-$1-"*
    build_package "$1" || return
    rm -rf "$root/package"
    mkdir -p build/package && mv "$root/postgresql-$1-integration-defaults_"*.deb build/package || return
    try_clean package "$1" || status=$?
    try_clean source "$1" || status=$?
    return "$status"
}

packages() { # major...
    local major why archive
    need git
    archive=build/$(make -s PG_CONFIG="$PG_CONFIG" dist) || die "what git has is no archive"
    [ $# -gt 0 ] || set -- "$PG_MAJOR" "${majors[@]}"
    for major; do
        [ -n "$(suite_of "$major")" ] || die "no Debian has PostgreSQL $major"
        why=$(hindrance "$major")
        if [ -n "$why" ]; then
            cant_run "package $major" "$why"
        else
            part "package $major" "$W/package" package "$major"
        fi
    done
    say "packages"
    find build/package -name '*.deb' -printf '%p %s bytes\n'
    outcome
}
