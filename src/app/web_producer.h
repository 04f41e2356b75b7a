/* moldau app producer: a page whose form sends N records with random values. */
#ifndef MOLDAU_APP_WEB_PRODUCER_H
#define MOLDAU_APP_WEB_PRODUCER_H

int producer_main(int argc, char **argv);

#endif
