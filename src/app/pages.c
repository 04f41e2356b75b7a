/* The assembler puts each file between two labels; it is looked for from where make runs. */
#include "app/pages.h"

#define X(name, file, type)                                                                                  \
    __asm__(".pushsection .rodata\n"                                                                         \
            "page_" #name ": .incbin \"src/app/page/" file "\"\n"                                            \
            "page_" #name "_end: .byte 0\n"                                                                  \
            ".global page_" #name ", page_" #name "_end\n"                                                   \
            ".popsection\n");                                                                                \
    extern const uint8_t page_##name[], page_##name##_end[];
PAGES(X)
#undef X

void pages_init(struct pages *p)
{
#define X(name, file, type)                                                                                  \
    p->name = (struct web_page){type, slice_of(page_##name, (size_t)(page_##name##_end - page_##name))};
    PAGES(X)
#undef X
}
