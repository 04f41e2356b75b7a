/* One table of everything that can go wrong: our name, Kafka's error code, whether a retry can help, and
 * text. Functions return 0 or a negative ERR_*; the wire carries err_kafka(e). */
#ifndef MOLDAU_ERR_H
#define MOLDAU_ERR_H

#include "base/base.h"

/* X(NAME, kafka code, retriable, text). The Kafka codes are those of org.apache.kafka Errors 4.3. */
#define ERR_TABLE(X)                                                                                         \
    X(UNKNOWN_SERVER_ERROR, -1, 0, "the broker met an error it did not expect; its log says which")          \
    X(OFFSET_OUT_OF_RANGE, 1, 0, "the offset lies outside what the log holds")                               \
    X(CORRUPT_MESSAGE, 2, 1, "the records fail their checksum or do not follow their format")                \
    X(UNKNOWN_TOPIC_OR_PARTITION, 3, 1, "this broker has no such topic or partition")                        \
    X(INVALID_FETCH_SIZE, 4, 0, "the fetch size is invalid")                                                 \
    X(LEADER_NOT_AVAILABLE, 5, 1, "the partition has no leader at the moment")                               \
    X(NOT_LEADER_OR_FOLLOWER, 6, 1, "this broker is not the partition's leader or replica")                  \
    X(REQUEST_TIMED_OUT, 7, 1, "the request's time ran out")                                                 \
    X(BROKER_NOT_AVAILABLE, 8, 0, "the broker is not available")                                             \
    X(REPLICA_NOT_AVAILABLE, 9, 1, "the replica is not available")                                           \
    X(MESSAGE_TOO_LARGE, 10, 0, "the record batch is larger than the topic's max.message.bytes")             \
    X(STALE_CONTROLLER_EPOCH, 11, 0, "the controller epoch is out of date")                                  \
    X(OFFSET_METADATA_TOO_LARGE, 12, 0, "the committed metadata is longer than offset.metadata.max.bytes")   \
    X(NETWORK_EXCEPTION, 13, 1, "the connection ended before the answer came")                               \
    X(COORDINATOR_LOAD_IN_PROGRESS, 14, 1, "the coordinator is still loading its state")                     \
    X(COORDINATOR_NOT_AVAILABLE, 15, 1, "the coordinator is not available")                                  \
    X(NOT_COORDINATOR, 16, 1, "this broker is not the coordinator")                                          \
    X(INVALID_TOPIC_EXCEPTION, 17, 0, "the topic name is not valid")                                         \
    X(RECORD_LIST_TOO_LARGE, 18, 0, "the record batch is larger than the topic's segment.bytes")             \
    X(NOT_ENOUGH_REPLICAS, 19, 1, "fewer replicas are in sync than min.insync.replicas asks")                \
    X(NOT_ENOUGH_REPLICAS_AFTER_APPEND, 20, 1,                                                               \
      "the records were written, but to fewer in-sync replicas than min.insync.replicas asks")               \
    X(INVALID_REQUIRED_ACKS, 21, 0, "acks must be 0, 1 or -1 (all)")                                         \
    X(ILLEGAL_GENERATION, 22, 0, "the group's generation is another one")                                    \
    X(INCONSISTENT_GROUP_PROTOCOL, 23, 0, "the member's protocols do not fit those of the group")            \
    X(INVALID_GROUP_ID, 24, 0, "the group id is not valid")                                                  \
    X(UNKNOWN_MEMBER_ID, 25, 0, "the group has no such member")                                              \
    X(INVALID_SESSION_TIMEOUT, 26, 0,                                                                        \
      "the session timeout is outside group.min.session.timeout.ms and group.max.session.timeout.ms")        \
    X(REBALANCE_IN_PROGRESS, 27, 0, "the group is rebalancing; join again")                                  \
    X(INVALID_COMMIT_OFFSET_SIZE, 28, 0, "the offset commit is too large")                                   \
    X(TOPIC_AUTHORIZATION_FAILED, 29, 0, "the principal may not do this to the topic")                       \
    X(GROUP_AUTHORIZATION_FAILED, 30, 0, "the principal may not do this to the group")                       \
    X(CLUSTER_AUTHORIZATION_FAILED, 31, 0, "the principal may not do this to the cluster")                   \
    X(INVALID_TIMESTAMP, 32, 0, "the record's timestamp is outside what the topic accepts")                  \
    X(UNSUPPORTED_SASL_MECHANISM, 33, 0, "the broker has not enabled this SASL mechanism")                   \
    X(ILLEGAL_SASL_STATE, 34, 0, "the request does not fit the state of the SASL exchange")                  \
    X(UNSUPPORTED_VERSION, 35, 0, "the broker does not support this version of the request")                 \
    X(TOPIC_ALREADY_EXISTS, 36, 0, "a topic of this name exists already")                                    \
    X(INVALID_PARTITIONS, 37, 0, "the number of partitions is not valid")                                    \
    X(INVALID_REPLICATION_FACTOR, 38, 0, "the replication factor is below 1 or above the number of brokers") \
    X(INVALID_REPLICA_ASSIGNMENT, 39, 0, "the replica assignment is not valid")                              \
    X(INVALID_CONFIG, 40, 0, "the configuration is not valid")                                               \
    X(NOT_CONTROLLER, 41, 1, "this node is not the active controller")                                       \
    X(INVALID_REQUEST, 42, 0, "the request contradicts itself or the protocol")                              \
    X(UNSUPPORTED_FOR_MESSAGE_FORMAT, 43, 0, "the record format does not support the request")               \
    X(POLICY_VIOLATION, 44, 0, "a policy of this cluster forbids the request")                               \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER, 45, 0, "the producer's sequence number leaves a gap")                    \
    X(DUPLICATE_SEQUENCE_NUMBER, 46, 0, "the producer's sequence number was used before")                    \
    X(INVALID_PRODUCER_EPOCH, 47, 0, "the producer's epoch is older than the known one")                     \
    X(INVALID_TXN_STATE, 48, 0, "the transaction is not in a state that allows this")                        \
    X(INVALID_PRODUCER_ID_MAPPING, 49, 0, "the producer id does not belong to this transactional id")        \
    X(INVALID_TRANSACTION_TIMEOUT, 50, 0, "the transaction timeout is above transaction.max.timeout.ms")     \
    X(CONCURRENT_TRANSACTIONS, 51, 1, "another change to the same transaction is under way")                 \
    X(TRANSACTION_COORDINATOR_FENCED, 52, 0, "a newer transaction coordinator has taken over")               \
    X(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 53, 0, "the principal may not use this transactional id")       \
    X(SECURITY_DISABLED, 54, 0, "no authorizer is configured on the broker")                                 \
    X(OPERATION_NOT_ATTEMPTED, 55, 0, "not attempted, because another part of the request failed")           \
    X(KAFKA_STORAGE_ERROR, 56, 1, "the log directory failed")                                                \
    X(LOG_DIR_NOT_FOUND, 57, 0, "the broker has no such log directory")                                      \
    X(SASL_AUTHENTICATION_FAILED, 58, 0, "authentication failed")                                            \
    X(UNKNOWN_PRODUCER_ID, 59, 0, "the broker knows nothing of this producer id")                            \
    X(REASSIGNMENT_IN_PROGRESS, 60, 0, "a reassignment of the partition is under way")                       \
    X(DELEGATION_TOKEN_AUTH_DISABLED, 61, 0, "delegation tokens are not enabled")                            \
    X(DELEGATION_TOKEN_NOT_FOUND, 62, 0, "there is no such delegation token")                                \
    X(DELEGATION_TOKEN_OWNER_MISMATCH, 63, 0, "the principal neither owns nor may renew the token")          \
    X(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, 64, 0, "this connection may not ask for delegation tokens")      \
    X(DELEGATION_TOKEN_AUTHORIZATION_FAILED, 65, 0, "the principal may not use this delegation token")       \
    X(DELEGATION_TOKEN_EXPIRED, 66, 0, "the delegation token has expired")                                   \
    X(INVALID_PRINCIPAL_TYPE, 67, 0, "this type of principal is not supported")                              \
    X(NON_EMPTY_GROUP, 68, 0, "the group still has members")                                                 \
    X(GROUP_ID_NOT_FOUND, 69, 0, "there is no such group")                                                   \
    X(FETCH_SESSION_ID_NOT_FOUND, 70, 1, "the broker has no such fetch session")                             \
    X(INVALID_FETCH_SESSION_EPOCH, 71, 1, "the fetch session's epoch is another one")                        \
    X(LISTENER_NOT_FOUND, 72, 1, "the leader has no listener of this name")                                  \
    X(TOPIC_DELETION_DISABLED, 73, 0, "delete.topic.enable is false")                                        \
    X(FENCED_LEADER_EPOCH, 74, 1, "the request's leader epoch is older than the broker's")                   \
    X(UNKNOWN_LEADER_EPOCH, 75, 1, "the request's leader epoch is newer than the broker's")                  \
    X(UNSUPPORTED_COMPRESSION_TYPE, 76, 0, "this version of the request cannot carry the compression type")  \
    X(STALE_BROKER_EPOCH, 77, 0, "the broker's epoch has changed")                                           \
    X(OFFSET_NOT_AVAILABLE, 78, 1, "the new leader's high watermark is not known yet")                       \
    X(MEMBER_ID_REQUIRED, 79, 0, "join again with the member id that came with this answer")                 \
    X(PREFERRED_LEADER_NOT_AVAILABLE, 80, 1, "the preferred leader is not available")                        \
    X(GROUP_MAX_SIZE_REACHED, 81, 0, "the group is full")                                                    \
    X(FENCED_INSTANCE_ID, 82, 0, "another member has taken this group.instance.id")                          \
    X(ELIGIBLE_LEADERS_NOT_AVAILABLE, 83, 1, "no replica that may lead is available")                        \
    X(ELECTION_NOT_NEEDED, 84, 1, "the partition needs no election")                                         \
    X(NO_REASSIGNMENT_IN_PROGRESS, 85, 0, "the partition is not being reassigned")                           \
    X(GROUP_SUBSCRIBED_TO_TOPIC, 86, 0, "the group is subscribed to the topic")                              \
    X(INVALID_RECORD, 87, 0, "a record is not valid on this topic")                                          \
    X(UNSTABLE_OFFSET_COMMIT, 88, 1, "some offsets belong to a transaction that has not ended")              \
    X(THROTTLING_QUOTA_EXCEEDED, 89, 1, "the quota is used up")                                              \
    X(PRODUCER_FENCED, 90, 0, "a newer producer uses this transactional id")                                 \
    X(RESOURCE_NOT_FOUND, 91, 0, "the resource does not exist")                                              \
    X(DUPLICATE_RESOURCE, 92, 0, "the request names one resource twice")                                     \
    X(UNACCEPTABLE_CREDENTIAL, 93, 0, "the credential does not meet the rules")                              \
    X(INCONSISTENT_VOTER_SET, 94, 0, "one side of the request is not among the voters")                      \
    X(INVALID_UPDATE_VERSION, 95, 0, "the version of the update is not valid")                               \
    X(FEATURE_UPDATE_FAILED, 96, 0, "the features could not be updated")                                     \
    X(PRINCIPAL_DESERIALIZATION_FAILURE, 97, 0, "the forwarded principal cannot be read")                    \
    X(SNAPSHOT_NOT_FOUND, 98, 0, "there is no such snapshot")                                                \
    X(POSITION_OUT_OF_RANGE, 99, 0, "the position lies outside the snapshot")                                \
    X(UNKNOWN_TOPIC_ID, 100, 1, "this broker has no topic of this id")                                       \
    X(DUPLICATE_BROKER_REGISTRATION, 101, 0, "another broker uses this node id")                             \
    X(BROKER_ID_NOT_REGISTERED, 102, 0, "no broker of this id is registered")                                \
    X(INCONSISTENT_TOPIC_ID, 103, 1, "the log belongs to a topic of another id")                             \
    X(INCONSISTENT_CLUSTER_ID, 104, 0, "the request is meant for another cluster")                           \
    X(TRANSACTIONAL_ID_NOT_FOUND, 105, 0, "there is no such transactional id")                               \
    X(FETCH_SESSION_TOPIC_ID_ERROR, 106, 1, "the fetch session mixes requests with and without topic ids")   \
    X(INELIGIBLE_REPLICA, 107, 0, "a replica of the new ISR may not be in it")                               \
    X(NEW_LEADER_ELECTED, 108, 0, "the update worked and made another replica the leader")                   \
    X(OFFSET_MOVED_TO_TIERED_STORAGE, 109, 0, "the offset lies in tiered storage")                           \
    X(FENCED_MEMBER_EPOCH, 110, 0, "the member's epoch was fenced; give up all partitions and join again")   \
    X(UNRELEASED_INSTANCE_ID, 111, 0, "another member still holds this group.instance.id")                   \
    X(UNSUPPORTED_ASSIGNOR, 112, 0, "the group does not support the assignor")                               \
    X(STALE_MEMBER_EPOCH, 113, 0, "the member's epoch is out of date; heartbeat first")                      \
    X(MISMATCHED_ENDPOINT_TYPE, 114, 0, "the request belongs to the other type of endpoint")                 \
    X(UNSUPPORTED_ENDPOINT_TYPE, 115, 0, "this type of endpoint is not supported")                           \
    X(UNKNOWN_CONTROLLER_ID, 116, 0, "there is no controller of this id")                                    \
    X(UNKNOWN_SUBSCRIPTION_ID, 117, 0, "the telemetry subscription is unknown or out of date")               \
    X(TELEMETRY_TOO_LARGE, 118, 0, "the telemetry is larger than telemetry.max.bytes")                       \
    X(INVALID_REGISTRATION, 119, 0, "the controller found the broker's registration invalid")                \
    X(TRANSACTION_ABORTABLE, 120, 0, "the transaction failed; abort it and go on")                           \
    X(INVALID_RECORD_STATE, 121, 0, "the record is not in a state that allows the acknowledgement")          \
    X(SHARE_SESSION_NOT_FOUND, 122, 1, "the broker has no such share session")                               \
    X(INVALID_SHARE_SESSION_EPOCH, 123, 1, "the share session's epoch is another one")                       \
    X(FENCED_STATE_EPOCH, 124, 0, "the share group's state epoch is another one")                            \
    X(INVALID_VOTER_KEY, 125, 0, "the voter's key is not this replica's")                                    \
    X(DUPLICATE_VOTER, 126, 0, "the voter is in the set already")                                            \
    X(VOTER_NOT_FOUND, 127, 0, "the voter is not in the set")                                                \
    X(INVALID_REGULAR_EXPRESSION, 128, 0, "the regular expression is not valid")                             \
    X(REBOOTSTRAP_REQUIRED, 129, 0, "the client's metadata is out of date; bootstrap again")                 \
    X(STREAMS_INVALID_TOPOLOGY, 130, 0, "the streams topology is not valid")                                 \
    X(STREAMS_INVALID_TOPOLOGY_EPOCH, 131, 0, "the streams topology's epoch is not valid")                   \
    X(STREAMS_TOPOLOGY_FENCED, 132, 0, "the streams topology's epoch is out of date")                        \
    X(SHARE_SESSION_LIMIT_REACHED, 133, 1, "the broker has no room for another share session")

/* KERR_x is the code on the wire; ERR_x is what functions return. */
enum kafka_error {
    KERR_NONE = 0,
#define X(name, code, retriable, text) KERR_##name = code,
    ERR_TABLE(X)
#undef X
};

/* Errors without a wire code of their own come first, then one ERR_ for each Kafka code. */
enum err {
    ERR_IO = -2001,      /* the operating system refused; errno said why at the time */
    ERR_EOF = -2002,     /* fewer bytes than the format promises */
    ERR_FORMAT = -2003,  /* bytes that no writer of this format makes */
    ERR_NOSPACE = -2004, /* disk full */
    ERR_EXISTS = -2005,
    ERR_NOENT = -2006,
    ERR_BUSY = -2007, /* locked by another process */
    ERR_NOMEM = -2008,
    ERR_NOFILES = -2009, /* the process or the machine has no file descriptor left for the moment */
#define X(name, code, retriable, text) ERR_##name = -1000 - (code),
    ERR_TABLE(X)
#undef X
};

/* A lack that may be over the next time: what was asked for is refused, nothing is broken, it is tried again.
 */
static inline bool err_passes(int err)
{
    return err == ERR_NOSPACE || err == ERR_NOFILES;
}
const char *err_name(int err);
const char *err_text(int err);
/* The wire code for a return value: 0 stays 0, errors without a code become UNKNOWN_SERVER_ERROR or, for the
 * disk's errors, KAFKA_STORAGE_ERROR. */
int16_t err_kafka(int err);
const char *kafka_error_name(int code);
const char *kafka_error_text(int code);
bool kafka_error_retriable(int code);

#endif
