#!/bin/sh
# kafka-dump-log.sh of Apache Kafka, answered by moldau: the command is this file's name.
here=$(dirname "$(readlink -f "$0")")
moldau=$here/moldau
[ -x "$moldau" ] || moldau=$here/../build/moldau
name=$(basename "$0" .sh)
exec "$moldau" "${name#kafka-}" "$@"
