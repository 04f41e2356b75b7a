/* The columns are told in conf_table.h. */
#ifndef MOLDAU_CONF_TABLE_SECURITY_H
#define MOLDAU_CONF_TABLE_SECURITY_H

/* clang-format off */
/* Settings of authorization, delegation tokens, TLS, SASL. */
#define CONF_TABLE_SECURITY(X) \
    X(AUTHORIZER_CLASS_NAME, "authorizer.class.name", STRING, "", ANY, READ_ONLY, NO_EFFECT, "Authorizer. Empty allows everything; any name of Kafka's StandardAuthorizer turns on ACLs.") \
    X(PRINCIPAL_BUILDER_CLASS, "principal.builder.class", CLASS, "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", ANY, PER_BROKER, NO_EFFECT, "Java class that names the principal of a connection. moldau loads no Java classes.") \
    X(SECURITY_PROVIDERS, "security.providers", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Java security providers. moldau loads no Java classes.") \
    X(CONNECTIONS_MAX_REAUTH_MS, "connections.max.reauth.ms", LONG, "0", ANY, READ_ONLY, NO_EFFECT, "Longest life of a SASL session before the client must authenticate again; 0 for no limit.") \
    X(DELEGATION_TOKEN_SECRET_KEY, "delegation.token.secret.key", PASSWORD, NULL, ANY, READ_ONLY, NO_EFFECT, "Secret that signs delegation tokens; the same on every node. Without it tokens are off.") \
    X(DELEGATION_TOKEN_MAX_LIFETIME_MS, "delegation.token.max.lifetime.ms", LONG, "604800000", MIN(1), READ_ONLY, NO_EFFECT, "Longest life of a delegation token, renewals included.") \
    X(DELEGATION_TOKEN_EXPIRY_TIME_MS, "delegation.token.expiry.time.ms", LONG, "86400000", MIN(1), READ_ONLY, NO_EFFECT, "Life of a delegation token until it must be renewed.") \
    X(DELEGATION_TOKEN_EXPIRY_CHECK_INTERVAL_MS, "delegation.token.expiry.check.interval.ms", LONG, "3600000", MIN(1), READ_ONLY, NO_EFFECT, "How often expired delegation tokens are removed.") \
    X(SSL_PROTOCOL, "ssl.protocol", STRING, "TLSv1.3", ANY, PER_BROKER, NO_EFFECT, "TLS version to begin with.") \
    X(SSL_ENABLED_PROTOCOLS, "ssl.enabled.protocols", LIST, "TLSv1.2,TLSv1.3", LIST(NULL), PER_BROKER, NO_EFFECT, "TLS versions that are allowed.") \
    X(SSL_CIPHER_SUITES, "ssl.cipher.suites", LIST, "", LIST(NULL), PER_BROKER, NO_EFFECT, "Cipher suites that are allowed; empty for the library's choice.") \
    X(SSL_PROVIDER, "ssl.provider", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "Java security provider for TLS. moldau loads no Java classes.") \
    X(SSL_CLIENT_AUTH, "ssl.client.auth", STRING, "none", ONE_OF("required, requested, none"), PER_BROKER, NO_EFFECT, "Whether clients must show a certificate: required, requested or none.") \
    X(SSL_ENDPOINT_IDENTIFICATION_ALGORITHM, "ssl.endpoint.identification.algorithm", STRING, "https", ANY, PER_BROKER, NO_EFFECT, "How the peer's name is checked against its certificate; empty turns the check off.") \
    X(SSL_SECURE_RANDOM_IMPLEMENTATION, "ssl.secure.random.implementation", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "Java random generator for TLS. moldau uses its TLS library's.") \
    X(SSL_ENGINE_FACTORY_CLASS, "ssl.engine.factory.class", CLASS, NULL, ANY, PER_BROKER, NO_EFFECT, "Java class that makes TLS engines. moldau loads no Java classes.") \
    X(SSL_PRINCIPAL_MAPPING_RULES, "ssl.principal.mapping.rules", STRING, "DEFAULT", ANY, READ_ONLY, NO_EFFECT, "Rules that shorten a certificate's distinguished name to a principal.") \
    X(SSL_KEY_PASSWORD, "ssl.key.password", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "Password of the private key.") \
    X(SSL_KEYMANAGER_ALGORITHM, "ssl.keymanager.algorithm", STRING, "SunX509", ANY, PER_BROKER, NO_EFFECT, "Java key manager. moldau uses its TLS library's.") \
    X(SSL_KEYSTORE_TYPE, "ssl.keystore.type", STRING, "JKS", ANY, PER_BROKER, NO_EFFECT, "Format of the key store: JKS, PKCS12 or PEM.") \
    X(SSL_KEYSTORE_LOCATION, "ssl.keystore.location", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "File of the key store.") \
    X(SSL_KEYSTORE_PASSWORD, "ssl.keystore.password", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "Password of the key store.") \
    X(SSL_KEYSTORE_KEY, "ssl.keystore.key", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "Private key as PEM text.") \
    X(SSL_KEYSTORE_CERTIFICATE_CHAIN, "ssl.keystore.certificate.chain", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "Certificate chain as PEM text.") \
    X(SSL_TRUSTMANAGER_ALGORITHM, "ssl.trustmanager.algorithm", STRING, "PKIX", ANY, PER_BROKER, NO_EFFECT, "Java trust manager. moldau uses its TLS library's.") \
    X(SSL_TRUSTSTORE_TYPE, "ssl.truststore.type", STRING, "JKS", ANY, PER_BROKER, NO_EFFECT, "Format of the trust store: JKS, PKCS12 or PEM.") \
    X(SSL_TRUSTSTORE_LOCATION, "ssl.truststore.location", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "File of the trust store.") \
    X(SSL_TRUSTSTORE_PASSWORD, "ssl.truststore.password", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "Password of the trust store.") \
    X(SSL_TRUSTSTORE_CERTIFICATES, "ssl.truststore.certificates", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "Trusted certificates as PEM text.") \
    X(SSL_ALLOW_DN_CHANGES, "ssl.allow.dn.changes", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "A key store loaded at run time may carry another distinguished name.") \
    X(SSL_ALLOW_SAN_CHANGES, "ssl.allow.san.changes", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "A key store loaded at run time may carry other alternative names.") \
    X(SASL_ENABLED_MECHANISMS, "sasl.enabled.mechanisms", LIST, "GSSAPI", LIST(NULL), PER_BROKER, NO_EFFECT, "SASL mechanisms clients may use.") \
    X(SASL_MECHANISM_INTER_BROKER_PROTOCOL, "sasl.mechanism.inter.broker.protocol", STRING, "GSSAPI", ANY, PER_BROKER, NO_EFFECT, "SASL mechanism between brokers.") \
    X(SASL_MECHANISM_CONTROLLER_PROTOCOL, "sasl.mechanism.controller.protocol", STRING, "GSSAPI", ANY, READ_ONLY, NO_EFFECT, "SASL mechanism towards controllers.") \
    X(SASL_JAAS_CONFIG, "sasl.jaas.config", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "Login of a SASL mechanism in JAAS syntax, normally with a listener and mechanism prefix.") \
    X(SASL_SERVER_CALLBACK_HANDLER_CLASS, "sasl.server.callback.handler.class", CLASS, NULL, ANY, READ_ONLY, NO_EFFECT, "Java class that checks SASL logins. moldau loads no Java classes.") \
    X(SASL_CLIENT_CALLBACK_HANDLER_CLASS, "sasl.client.callback.handler.class", CLASS, NULL, ANY, READ_ONLY, NO_EFFECT, "Java class that answers SASL challenges. moldau loads no Java classes.") \
    X(SASL_LOGIN_CLASS, "sasl.login.class", CLASS, NULL, ANY, READ_ONLY, NO_EFFECT, "Java class of the login. moldau loads no Java classes.") \
    X(SASL_LOGIN_CALLBACK_HANDLER_CLASS, "sasl.login.callback.handler.class", CLASS, NULL, ANY, READ_ONLY, NO_EFFECT, "Java class of the login's callbacks. moldau loads no Java classes.") \
    X(SASL_SERVER_MAX_RECEIVE_SIZE, "sasl.server.max.receive.size", INT, "524288", ANY, READ_ONLY, NO_EFFECT, "Largest SASL message a client may send before it is authenticated.") \
    X(SASL_LOGIN_CONNECT_TIMEOUT_MS, "sasl.login.connect.timeout.ms", INT, NULL, ANY, READ_ONLY, NO_EFFECT, "How long connecting to the external login server may take.") \
    X(SASL_LOGIN_READ_TIMEOUT_MS, "sasl.login.read.timeout.ms", INT, NULL, ANY, READ_ONLY, NO_EFFECT, "How long reading from the external login server may take.") \
    X(SASL_LOGIN_REFRESH_WINDOW_FACTOR, "sasl.login.refresh.window.factor", DOUBLE, "0.8", ANY, PER_BROKER, NO_EFFECT, "Part of a credential's life after which it is renewed.") \
    X(SASL_LOGIN_REFRESH_WINDOW_JITTER, "sasl.login.refresh.window.jitter", DOUBLE, "0.05", ANY, PER_BROKER, NO_EFFECT, "Random part added to the renewal time of a credential.") \
    X(SASL_LOGIN_REFRESH_MIN_PERIOD_SECONDS, "sasl.login.refresh.min.period.seconds", SHORT, "60", ANY, PER_BROKER, NO_EFFECT, "Shortest time between two renewals of a credential.") \
    X(SASL_LOGIN_REFRESH_BUFFER_SECONDS, "sasl.login.refresh.buffer.seconds", SHORT, "300", ANY, PER_BROKER, NO_EFFECT, "Time kept before the end of a credential for its renewal.") \
    X(SASL_LOGIN_RETRY_BACKOFF_MS, "sasl.login.retry.backoff.ms", LONG, "100", ANY, READ_ONLY, NO_EFFECT, "First pause after a failed request to the login server.") \
    X(SASL_LOGIN_RETRY_BACKOFF_MAX_MS, "sasl.login.retry.backoff.max.ms", LONG, "10000", ANY, READ_ONLY, NO_EFFECT, "Longest pause after failed requests to the login server.") \
    X(SASL_KERBEROS_SERVICE_NAME, "sasl.kerberos.service.name", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "Kerberos name the brokers run as.") \
    X(SASL_KERBEROS_KINIT_CMD, "sasl.kerberos.kinit.cmd", STRING, "/usr/bin/kinit", ANY, PER_BROKER, NO_EFFECT, "Path of the kinit command.") \
    X(SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN, "sasl.kerberos.min.time.before.relogin", LONG, "60000", ANY, PER_BROKER, NO_EFFECT, "Shortest time between two Kerberos logins.") \
    X(SASL_KERBEROS_PRINCIPAL_TO_LOCAL_RULES, "sasl.kerberos.principal.to.local.rules", LIST, "DEFAULT", LIST(NULL), PER_BROKER, NO_EFFECT, "Rules that shorten a Kerberos principal to a user name.") \
    X(SASL_KERBEROS_TICKET_RENEW_JITTER, "sasl.kerberos.ticket.renew.jitter", DOUBLE, "0.05", ANY, PER_BROKER, NO_EFFECT, "Random part of the renewal time of a ticket.") \
    X(SASL_KERBEROS_TICKET_RENEW_WINDOW_FACTOR, "sasl.kerberos.ticket.renew.window.factor", DOUBLE, "0.8", ANY, PER_BROKER, NO_EFFECT, "Part of a ticket's life after which it is renewed.") \
    X(SASL_OAUTHBEARER_CLOCK_SKEW_SECONDS, "sasl.oauthbearer.clock.skew.seconds", INT, "30", ANY, READ_ONLY, NO_EFFECT, "Difference of clocks that is tolerated when a token is checked.") \
    X(SASL_OAUTHBEARER_EXPECTED_AUDIENCE, "sasl.oauthbearer.expected.audience", LIST, "", LIST(NULL), READ_ONLY, NO_EFFECT, "Audiences of which a token must carry one.") \
    X(SASL_OAUTHBEARER_EXPECTED_ISSUER, "sasl.oauthbearer.expected.issuer", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Issuer a token must carry.") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_URL, "sasl.oauthbearer.jwks.endpoint.url", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Where the keys that sign tokens are found.") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_REFRESH_MS, "sasl.oauthbearer.jwks.endpoint.refresh.ms", LONG, "3600000", ANY, READ_ONLY, NO_EFFECT, "How often those keys are read again.") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MS, "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", LONG, "100", ANY, READ_ONLY, NO_EFFECT, "First pause after a failed read of those keys.") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MAX_MS, "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", LONG, "10000", ANY, READ_ONLY, NO_EFFECT, "Longest pause after failed reads of those keys.") \
    X(SASL_OAUTHBEARER_JWT_RETRIEVER_CLASS, "sasl.oauthbearer.jwt.retriever.class", CLASS, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", ANY, READ_ONLY, NO_EFFECT, "How tokens are fetched.") \
    X(SASL_OAUTHBEARER_JWT_VALIDATOR_CLASS, "sasl.oauthbearer.jwt.validator.class", CLASS, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", ANY, READ_ONLY, NO_EFFECT, "How tokens are checked.") \
    X(SASL_OAUTHBEARER_SCOPE, "sasl.oauthbearer.scope", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Scope to ask for when a token is fetched.") \
    X(SASL_OAUTHBEARER_SCOPE_CLAIM_NAME, "sasl.oauthbearer.scope.claim.name", STRING, "scope", ANY, READ_ONLY, NO_EFFECT, "Claim of a token that holds its scope.") \
    X(SASL_OAUTHBEARER_SUB_CLAIM_NAME, "sasl.oauthbearer.sub.claim.name", STRING, "sub", ANY, READ_ONLY, NO_EFFECT, "Claim of a token that holds the user.") \
    X(SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL, "sasl.oauthbearer.token.endpoint.url", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Where tokens are fetched.") \
    X(SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_ID, "sasl.oauthbearer.client.credentials.client.id", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Client id used when a token is fetched.") \
    X(SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_SECRET, "sasl.oauthbearer.client.credentials.client.secret", PASSWORD, NULL, ANY, READ_ONLY, NO_EFFECT, "Client secret used when a token is fetched.") \
    X(SASL_OAUTHBEARER_ASSERTION_ALGORITHM, "sasl.oauthbearer.assertion.algorithm", STRING, "RS256", ONE_OF_NOCASE("ES256, RS256"), READ_ONLY, NO_EFFECT, "Algorithm that signs an assertion: RS256 or ES256.") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_AUD, "sasl.oauthbearer.assertion.claim.aud", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Audience of an assertion.") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_EXP_SECONDS, "sasl.oauthbearer.assertion.claim.exp.seconds", INT, "300", RANGE(0, 86400), READ_ONLY, NO_EFFECT, "Life of an assertion.") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_ISS, "sasl.oauthbearer.assertion.claim.iss", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Issuer of an assertion.") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_JTI_INCLUDE, "sasl.oauthbearer.assertion.claim.jti.include", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "An assertion carries a unique id.") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_NBF_SECONDS, "sasl.oauthbearer.assertion.claim.nbf.seconds", INT, "60", RANGE(0, 3600), READ_ONLY, NO_EFFECT, "How far an assertion's not-before time lies in the past.") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_SUB, "sasl.oauthbearer.assertion.claim.sub", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "Subject of an assertion.") \
    X(SASL_OAUTHBEARER_ASSERTION_FILE, "sasl.oauthbearer.assertion.file", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "File of a ready-made assertion.") \
    X(SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE, "sasl.oauthbearer.assertion.private.key.file", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "File of the key that signs assertions.") \
    X(SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_PASSPHRASE, "sasl.oauthbearer.assertion.private.key.passphrase", PASSWORD, NULL, ANY, READ_ONLY, NO_EFFECT, "Passphrase of the key that signs assertions.") \
    X(SASL_OAUTHBEARER_ASSERTION_TEMPLATE_FILE, "sasl.oauthbearer.assertion.template.file", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "File with further claims of an assertion.")
/* clang-format on */

#endif
