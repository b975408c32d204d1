# shellcheck shell=bash disable=SC2034
# Debian packages. tools/quickstart and tests/run source this file, with `root` set to the source tree.
#
# apt installs libraries and plain tools. Packages that would start a service or replace one (chrony and ntpsec remove
# the machine's own time service, tor-geoipdb brings tor along) are only unpacked, under build/parts, so that the
# machine stays as it is. The lists for apt include the libraries that the unpacked programs need.

parts=${root:?}/build/parts

packages_build=(gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libssl-dev libsodium-dev libjansson-dev
    libc-ares-dev libyaml-dev liblmdb-dev libmicrohttpd-dev libseccomp-dev libunbound-dev libfstrm-dev
    libcurl4-openssl-dev)
packages_quickstart=(bind9-dnsutils libmaxmind-db-writer-perl openssl perl util-linux
    libcap2 libedit2 libgnutls30 libnettle8 libseccomp2)
packages_tests=(bash-completion ca-certificates chromium-headless-shell clang clang-format clang-tidy dns-root-data dnstap-ldns
    dnsviz fish fonts-dejavu-core fstrm-bin iproute2 libclang-rt-dev libcmocka-dev libldns-dev libprotobuf-c-dev ldnsutils man-db
    mandoc mount protobuf-c-compiler python3 python3-cryptography python3-dnspython python3-openssl python3-pkg-resources
    python3-pytest python3-pytest-xdist shellcheck strace systemd w3m zsh libbsd0
    libboost-context1.74.0 libcurl4 libdnssec9 libevent-2.1-7 libfstrm0 libjemalloc2 libjson-c5 libknot13 libluajit-5.1-2
    libnghttp2-14 libprotobuf-c1 libpython3.11 libsnmp40 libsystemd0 libxml2 libzscanner4)
packages_packaging=(build-essential debhelper dpkg-dev fakeroot)
packages_debian=(crun lintian mmdebstrap podman) # for the part packages of tests/run
parts_quickstart=(chrony tor-geoipdb)
packages_fleet=(iproute2) # of quickstart --fleet
parts_fleet=(etcd-server)
parts_tests=(acme-tiny bind9 bind9-libs bind9-utils certbot etcd-client etcd-server faketime knot-dnssecutils knot-resolver lego libfaketime
    liburcu8 nsd ntpsec pdns-recursor pebble prometheus unbound
    python3-acme python3-certbot python3-certifi python3-chardet python3-configargparse python3-configobj python3-distro
    python3-future python3-idna python3-josepy python3-parsedatetime python3-requests python3-requests-toolbelt python3-rfc3339
    python3-six python3-tz python3-urllib3)
# The programs of npm's packages in tests/system/web need these, unless node and npm come from elsewhere.
packages_node=(nodejs npm)
# From a newer Debian release. ntpsec depends on Python, but its ntpd does not need it: it is unpacked without its
# dependencies, and the libraries of ntpd are listed here.
parts_newer=(chrony ntpd-rs libssl3t64 libcap2 libbsd0)
parts_newer_alone=(ntpsec)

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# as_root COMMAND...: runs the command as root, through sudo if necessary.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root for: $* (become root or install sudo)"
    fi
}

# logged LOG COMMAND...: appends the output of the command to the log. Shows the end of the log if the command fails.
logged() {
    local log=$1
    shift
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        fail "this failed: $* (log: $log)"
    fi
}

apt_lists_read=

# Updates the package lists once, and only if a package must be fetched.
apt_update() {
    if [ -z "$apt_lists_read" ]; then
        logged "$1" as_root apt-get -q update
        apt_lists_read=yes
    fi
}

# install_packages LOG PACKAGE...: installs missing packages. policy-rc.d keeps their services from starting.
install_packages() {
    local log=$1 package status=0 bar=/usr/sbin/policy-rc.d barred=
    local -a missing=()
    shift
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Status}.' "$package" 2>/dev/null) in
        installed.*) ;;
        *) missing+=("$package") ;;
        esac
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return
    fi
    echo "installing ${missing[*]}"
    apt_update "$log"
    if [ ! -e "$bar" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$bar" >/dev/null
        as_root chmod 755 "$bar"
        barred=yes
    fi
    # The subshell lets this function remove its policy-rc.d even if the installation fails.
    (logged "$log" as_root env DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends \
        "${missing[@]}") || status=$?
    if [ -n "$barred" ]; then
        as_root rm -f "$bar"
    fi
    if [ "$status" -ne 0 ]; then
        exit "$status"
    fi
}

# unpack_packages LOG PACKAGE...: fetches packages and unpacks them into $parts, unless they are already there.
unpack_packages() {
    local log=$1 package fetched=$parts/.fetched
    shift
    mkdir -p "$parts/.unpacked"
    for package in "$@"; do
        if [ -e "$parts/.unpacked/$package" ]; then
            continue
        fi
        echo "unpacking $package"
        apt_update "$log"
        rm -rf "$fetched"
        mkdir "$fetched"
        (cd "$fetched" && logged "$log" apt-get -q -o APT::Sandbox::User= download "$package") || exit 1
        logged "$log" dpkg-deb -x "$fetched"/*.deb "$parts"
        rm -rf "$fetched"
        touch "$parts/.unpacked/$package"
    done
}

# unpack_npm LOG DIR: fetches the packages that DIR/package-lock.json names and unpacks them under $parts/<name of DIR>, unless
# they are already there.
unpack_npm() {
    local log=$1 from=$2 to fetched=$parts/.fetched
    to=$parts/$(basename "$from")
    if cmp -s "$from/package-lock.json" "$to/package-lock.json"; then
        return
    fi
    if ! command -v npm >/dev/null; then
        install_packages "$log" "${packages_node[@]}"
    fi
    echo "unpacking npm's packages of ${from#"$root"/}"
    rm -rf "$fetched"
    mkdir -p "$fetched"
    cp "$from/package.json" "$from/package-lock.json" "$fetched"
    (cd "$fetched" && logged "$log" npm ci --ignore-scripts --no-audit --no-fund --cache "$fetched/.cache") || exit 1
    rm -rf "$fetched/.cache" "$to"
    mv "$fetched" "$to"
}

# unpack_newer LOG SUITE PACKAGE...: fetches packages of another Debian release from the machine's own mirror, with all
# dependencies down to the C library, and unpacks them under build/newer. apt uses separate package lists for this.
unpack_newer() {
    local log=$1 suite=$2 newer=$root/build/newer apt=$root/build/newer.apt mirror deb
    shift 2
    if [ -e "$newer" ]; then
        return
    fi
    echo "unpacking $* of $suite"
    apt_update "$log"
    # shellcheck disable=SC2016 # apt's own variable
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' | sort -u | head -n 1)
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/tree"
    touch "$apt/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" >"$apt/sources"
    printf '%s\n' "Dir::State \"$apt\";" "Dir::State::status \"$apt/status\";" "Dir::Cache \"$apt\";" \
        "Dir::Etc::SourceList \"$apt/sources\";" 'Dir::Etc::SourceParts "-";' 'APT::Sandbox::User "root";' >"$apt/conf"
    logged "$log" env "APT_CONFIG=$apt/conf" apt-get -q update
    logged "$log" env "APT_CONFIG=$apt/conf" apt-get -qy --no-install-recommends --download-only install "$@"
    (cd "$apt/archives" && logged "$log" env "APT_CONFIG=$apt/conf" apt-get -q download "${parts_newer_alone[@]}") || exit 1
    for deb in "$apt"/archives/*.deb; do
        logged "$log" dpkg-deb -x "$deb" "$apt/tree"
    done
    mv "$apt/tree" "$newer"
    rm -rf "$apt"
}
