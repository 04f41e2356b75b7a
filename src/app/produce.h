#ifndef MOLDAU_APP_PRODUCE_H
#define MOLDAU_APP_PRODUCE_H

int produce_main(int argc, char **argv);

#endif
