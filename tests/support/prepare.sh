# Sourced by ./run and ./test: installs what is missing and builds. Says what it does; fails with a sentence.

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

build_packages="g++ meson ninja-build pkg-config ccache libdpdk-dev libhyperscan-dev libpcre2-dev zlib1g-dev
libbpf-dev libxdp-dev libcap-ng-dev clang llvm bpftool libspdlog-dev nlohmann-json3-dev rapidjson-dev libcli11-dev
libtomlplusplus-dev libcpp-httplib-dev libssl-dev prometheus-cpp-dev libpcap-dev
libmaxminddb-dev"
test_packages="libgtest-dev libgmock-dev libbenchmark-dev tshark wireshark-common python3 python3-scapy iproute2
ethtool curl prometheus clang-format nfdump libfixbuf-tools mmdb-bin"
fuzz_packages="libclang-rt-14-dev"

# install_packages NAME... : those of Debian's packages that are not there yet.
install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    command -v apt-get >/dev/null || die "this needs Debian 12 (apt-get was not found); install by hand:$missing"
    sudo=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "not root and no sudo; run as root, or install by hand:$missing"
        sudo=sudo
    fi
    say "installing:$missing"
    log=$(mktemp)
    if ! { $sudo apt-get update -q && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -5 "$log" >&2
        die "the packages could not be installed; the log is $log"
    fi
    rm -f "$log"
}

# The archive's engine is no package of Debian's: npm has it. Without it everything but the archive is built.
fetch_archive_engine() {
    [ "$(uname -m)" = x86_64 ] || { say "no archive is built: its engine is fetched for x86-64 only"; return 0; }
    command -v npm >/dev/null || install_packages npm
    controlplane/archive/duckdb/fetch.sh || say "no archive is built: DuckDB could not be fetched (is there a network?)"
}

# build DIRECTORY MESON_OPTION... : configures once, then builds what changed.
build() {
    directory=$1
    shift
    if [ ! -f "$directory/build.ninja" ]; then
        say "configuring $directory"
        rm -rf "$directory"
        CXX="${CXX:-ccache g++}" meson setup "$directory" "$@" >"$directory.log" 2>&1 || {
            tail -20 "$directory.log" >&2
            die "meson could not configure $directory; the log is $directory.log"
        }
    fi
    say "building $directory (a first build takes some minutes)"
    ninja -C "$directory" --quiet >"$directory.log" 2>&1 || {
        grep -E -A5 'error|FAILED' "$directory.log" | head -40 >&2
        die "the build failed; the log is $directory.log"
    }
    rm -f "$directory.log"
}
