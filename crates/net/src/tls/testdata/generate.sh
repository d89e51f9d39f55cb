#!/bin/sh
# Makes the certificates that the tests use: `cd` here, then `sh generate.sh`. Needs openssl 3.
# Valid for 100 years; the keys of the authorities are thrown away.
set -eu
rm -f ./*.pem ./*.key
days=36500

authority() { # file, name
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $days -keyout "$1.key" -out "$1.pem" \
        -subj "/CN=$2" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

leaf() { # file, authority, usage, names, further arguments of `openssl x509`
    file=$1 ca=$2 usage=$3 names=$4
    shift 4
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$file.key"
    openssl req -new -key "$file.key" -subj "/CN=$file" -out "$file.csr"
    printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=%s\nsubjectAltName=%s\n' "$usage" "$names" >"$file.ext"
    openssl x509 -req -in "$file.csr" -CA "$ca.pem" -CAkey "$ca.key" -extfile "$file.ext" -out "$file.pem" "$@"
    rm "$file.csr" "$file.ext"
}

authority ca "Farcall test authority"
authority other-ca "Another test authority"
leaf server ca serverAuth "DNS:localhost,DNS:*.test.example,IP:127.0.0.1,IP:::1" -days $days
# Expires at once.
leaf expired ca serverAuth "DNS:localhost" -days 0
leaf client ca clientAuth "DNS:client.test.example" -days $days
leaf stranger other-ca clientAuth,serverAuth "DNS:localhost" -days $days

# Without extensions openssl makes a certificate of X.509 version 1.
openssl req -new -key client.key -subj "/CN=version 1" -out version1.csr
openssl x509 -req -in version1.csr -CA ca.pem -CAkey ca.key -days $days -out version1.pem
rm version1.csr
# Authority and server in one.
openssl req -x509 -key server.key -days $days -subj "/CN=self" -addext subjectAltName=DNS:localhost -out self-signed.pem

rm ca.key other-ca.key

# Other encodings of one key.
openssl ec -in server.key -out server-sec1.key
openssl pkcs8 -topk8 -in server.key -passout pass:secret -out server-encrypted.key
