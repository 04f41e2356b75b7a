/* Client programs that people run, read and copy: `moldau app NAME`. They work against any Kafka cluster. */
#ifndef MOLDAU_APP_H
#define MOLDAU_APP_H

int app_main(int argc, char **argv);

#endif
