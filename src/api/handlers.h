/* Every API this broker answers: key, handler, first and last version. What is not here is not advertised. */
#ifndef MOLDAU_HANDLERS_H
#define MOLDAU_HANDLERS_H

#include "api/api.h"

#define KP_PRODUCE_FIRST 3

/* What anybody may do without an authorizer: bits of Kafka's AclOperation, for the resources that tell it. */
#define OPERATIONS_TOPIC 3576 /* READ WRITE CREATE DELETE ALTER DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS */
#define OPERATIONS_GROUP 3400 /* READ DELETE DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS */
#define OPERATIONS_CLUSTER                                                                                   \
    8096 /* CREATE ALTER DESCRIBE CLUSTER_ACTION DESCRIBE_CONFIGS ALTER_CONFIGS IDEMPOTENT_WRITE */

#define API_HANDLERS(X)                                                                                      \
    X(PRODUCE, api_produce, 0, 13)                                                                           \
    X(FETCH, api_fetch, 4, 18)                                                                               \
    X(LIST_OFFSETS, api_list_offsets, 1, 11)                                                                 \
    X(METADATA, api_metadata, 0, 13)                                                                         \
    X(API_VERSIONS, api_api_versions, 0, 4)                                                                  \
    X(CREATE_TOPICS, api_create_topics, 2, 7)                                                                \
    X(DELETE_TOPICS, api_delete_topics, 1, 6)                                                                \
    X(DELETE_RECORDS, api_delete_records, 0, 2)                                                              \
    X(INIT_PRODUCER_ID, api_init_producer_id, 0, 5)                                                          \
    X(OFFSET_FOR_LEADER_EPOCH, api_offset_for_leader_epoch, 2, 4)                                            \
    X(WRITE_TXN_MARKERS, api_write_txn_markers, 1, 2)                                                        \
    X(DESCRIBE_CONFIGS, api_describe_configs, 1, 4)                                                          \
    X(ALTER_CONFIGS, api_alter_configs, 0, 2)                                                                \
    X(ALTER_REPLICA_LOG_DIRS, api_alter_replica_log_dirs, 1, 2)                                              \
    X(DESCRIBE_LOG_DIRS, api_describe_log_dirs, 1, 5)                                                        \
    X(CREATE_PARTITIONS, api_create_partitions, 0, 3)                                                        \
    X(INCREMENTAL_ALTER_CONFIGS, api_incremental_alter_configs, 0, 1)                                        \
    X(DESCRIBE_ACLS, api_describe_acls, 1, 3)                                                                \
    X(CREATE_ACLS, api_create_acls, 1, 3)                                                                    \
    X(DELETE_ACLS, api_delete_acls, 1, 3)                                                                    \
    X(DESCRIBE_CLIENT_QUOTAS, api_describe_client_quotas, 0, 1)                                              \
    X(DESCRIBE_USER_SCRAM_CREDENTIALS, api_describe_user_scram_credentials, 0, 0)                            \
    X(LIST_PARTITION_REASSIGNMENTS, api_list_partition_reassignments, 0, 0)                                  \
    X(DESCRIBE_QUORUM, api_describe_quorum, 0, 2)                                                            \
    X(ELECT_LEADERS, api_elect_leaders, 0, 2)                                                                \
    X(LIST_TRANSACTIONS, api_list_transactions, 0, 2)                                                        \
    X(DESCRIBE_TRANSACTIONS, api_describe_transactions, 0, 0)                                                \
    X(UNREGISTER_BROKER, api_unregister_broker, 0, 0)                                                        \
    X(UPDATE_FEATURES, api_update_features, 0, 2)                                                            \
    X(DESCRIBE_CLUSTER, api_describe_cluster, 0, 2)                                                          \
    X(DESCRIBE_PRODUCERS, api_describe_producers, 0, 0)                                                      \
    X(LIST_CONFIG_RESOURCES, api_list_config_resources, 0, 1)                                                \
    X(OFFSET_COMMIT, api_offset_commit, 2, 10)                                                               \
    X(OFFSET_FETCH, api_offset_fetch, 1, 10)                                                                 \
    X(FIND_COORDINATOR, api_find_coordinator, 0, 6)                                                          \
    X(JOIN_GROUP, api_join_group, 0, 9)                                                                      \
    X(HEARTBEAT, api_heartbeat, 0, 4)                                                                        \
    X(LEAVE_GROUP, api_leave_group, 0, 5)                                                                    \
    X(SYNC_GROUP, api_sync_group, 0, 5)                                                                      \
    X(DESCRIBE_GROUPS, api_describe_groups, 0, 6)                                                            \
    X(LIST_GROUPS, api_list_groups, 0, 5)                                                                    \
    X(DELETE_GROUPS, api_delete_groups, 0, 2)                                                                \
    X(OFFSET_DELETE, api_offset_delete, 0, 0)                                                                \
    X(DESCRIBE_TOPIC_PARTITIONS, api_describe_topic_partitions, 0, 0)

#define X(KEY, fn, min, max) void fn(struct req *r);
API_HANDLERS(X)
#undef X
/* Produce v0-2: UNSUPPORTED_VERSION in the old encoding. */
void produce_refuse_old(struct req *r);

#endif
