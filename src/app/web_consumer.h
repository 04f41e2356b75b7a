/* moldau app consumer: works on each record for as many seconds as its value says, and shows how far it is.
 */
#ifndef MOLDAU_APP_WEB_CONSUMER_H
#define MOLDAU_APP_WEB_CONSUMER_H

int consumer_main(int argc, char **argv);

#endif
