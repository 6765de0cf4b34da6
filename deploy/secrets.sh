#!/usr/bin/env bash
# Makes what a site must not share: a certificate authority, certificates for broker and page, random passwords.
#   ./secrets.sh HOST [FOLDER]     HOST: the name or address under which devices and people reach this machine
# What is there already stays: remove a file to have it made anew. Needs openssl, and mosquitto_passwd or docker.
set -euo pipefail
host=${1:?"give the host name or address: ./secrets.sh pit.example"}
folder=${2:-"$(dirname "$0")/secrets"}
days=825
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

umask 077
mkdir -p "$folder"
chmod 700 "$folder"   # the folder keeps others out; containers, which have other users, are given single files
cd "$folder"

put() {   # put NAME: what stdin says, unless it is there; whole or not at all
    if [ -s "$1" ]; then cat >/dev/null; return; fi
    cat >"$1.part"
    chmod 644 "$1.part"
    mv "$1.part" "$1"
    echo "made $1"
}

certificate() {   # certificate NAME ALTERNATIVES
    if [ -s "$1.pem" ] && [ -s "$1.key" ]; then return; fi
    openssl req "${new_key[@]}" -subj "/CN=$host" -keyout "$1.key" -out "$1.csr" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -sha256 -out "$1.pem" \
        -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$2") 2>/dev/null
    rm "$1.csr"
    chmod 644 "$1.pem" "$1.key"
    echo "made $1.pem, $1.key"
}

hashed_for_mosquitto() {   # the password file of user davylamp
    printf 'davylamp:%s\n' "$(cat mqtt-password)" >passwords.plain
    if command -v mosquitto_passwd >/dev/null; then
        mosquitto_passwd -U passwords.plain
    else
        docker run --rm --user 0 -v "$PWD:/s" eclipse-mosquitto:2.0 mosquitto_passwd -U /s/passwords.plain
    fi
    cat passwords.plain
    rm passwords.plain
}

if [ ! -s ca.pem ]; then
    openssl req -x509 "${new_key[@]}" -days 3650 -sha256 -subj "/CN=Davylamp $host" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout ca.key -out ca.pem 2>/dev/null
    chmod 644 ca.pem
    echo "made ca.pem, ca.key: devices and browsers trust ca.pem; keep ca.key elsewhere"
fi
case $host in
    *[!0-9.]*) name="DNS:$host" ;;
    *) name="IP:$host" ;;
esac
certificate broker "$name,DNS:mosquitto,DNS:localhost,IP:127.0.0.1"
certificate page "$name,DNS:localhost,IP:127.0.0.1"

for one in mqtt-password influx-password influx-token grafana-password page-password; do
    openssl rand -hex 24 | put "$one"
done
if [ ! -s mosquitto-passwords ]; then hashed_for_mosquitto | put mosquitto-passwords; fi
printf 'operator:%s\n' "$(openssl passwd -apr1 -stdin <page-password)" | put page-users
printf 'DAVYLAMP_INFLUX_TOKEN=%s\n' "$(cat influx-token)" | put grafana.env
