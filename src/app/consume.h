#ifndef MOLDAU_APP_CONSUME_H
#define MOLDAU_APP_CONSUME_H

int consume_main(int argc, char **argv);

#endif
