#!/bin/sh
# Counts the words of each record. Its exit code is the acknowledgement: 0 done, 65 dead, any other is tried again.
exec moldau listen --bootstrap-server "$1" --topic "$2" --group "$3" --from-beginning -- \
    sh -c 'read -r line || [ "$line" ] || exit 65
           set -- $line
           echo "$MOLDAU_TOPIC-$MOLDAU_PARTITION@$MOLDAU_OFFSET: $# words"'
