# Sourced by ./run, ./test and ./bench: installs what is missing and builds.
# moldau_setup GROUP...: build (compiler, libraries), test (foreign clients, fuzzers), reference (Java, Maven).
moldau_packages() {
    case $1 in
    build) echo gcc g++ make python3 libc6-dev libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libssl-dev librdkafka-dev libjansson-dev libmicrohttpd-dev libsqlite3-dev libyaml-dev libcurl4-openssl-dev ;;
    test) echo pkg-config libsasl2-dev clang libclang-rt-14-dev kcat wamerican procps chromium golang-go nodejs npm python3-venv ;;
    reference) echo openjdk-17-jdk-headless maven ;;
    esac
}
moldau_have() {
    case $1 in
    golang-go) command -v go ;;
    nodejs) command -v node ;;
    npm) command -v npm ;;
    openjdk-17-jdk-headless) command -v javac ;;
    maven) command -v mvn ;;
    python3) command -v python3 ;;
    python3-venv) python3 -c 'import venv, ensurepip' ;;
    *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed' ;;
    esac >/dev/null 2>&1
}
moldau_setup() {
    local missing=() group p
    if ! command -v dpkg-query >/dev/null; then
        if command -v gcc >/dev/null && command -v make >/dev/null && command -v python3 >/dev/null; then return; fi
        echo "moldau: this is not Debian; install these (Debian's names) by hand: $(for group in "$@"; do moldau_packages "$group"; done | tr '\n' ' ')" >&2
        exit 1
    fi
    for group in "$@"; do
        for p in $(moldau_packages "$group"); do moldau_have "$p" || missing+=("$p"); done
    done
    [ ${#missing[@]} -eq 0 ] && return
    echo "installing: ${missing[*]}" >&2
    local sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 || {
        echo "moldau: apt could not install ${missing[*]}" >&2
        exit 1
    }
}
