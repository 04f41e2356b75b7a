#include <stdio.h>

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("moldau %s\n", MOLDAU_VERSION);
    return 0;
}
