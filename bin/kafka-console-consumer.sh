#!/bin/sh
# kafka-console-consumer.sh of Apache Kafka, answered by moldau: the command is this file's name.
here=$(readlink -f "$0")
here=${here%/*}
moldau=$here/moldau
[ -x "$moldau" ] || moldau=$here/../build/moldau
name=${0##*/}
name=${name#kafka-}
exec "$moldau" "${name%.sh}" "$@"
