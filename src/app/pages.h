/* The files of src/app/page, as bytes of the program. */
#ifndef MOLDAU_APP_PAGES_H
#define MOLDAU_APP_PAGES_H

#include "web/web.h"

/* C name, file, content type */
#define PAGES(X)                                                                                             \
    X(producer_html, "producer.html", "text/html; charset=utf-8")                                            \
    X(producer_js, "producer.js", "text/javascript; charset=utf-8")                                          \
    X(consumer_html, "consumer.html", "text/html; charset=utf-8")                                            \
    X(consumer_js, "consumer.js", "text/javascript; charset=utf-8")                                          \
    X(app_css, "app.css", "text/css; charset=utf-8")                                                         \
    X(icon_svg, "icon.svg", "image/svg+xml")

/* What a route's answer web_page takes; never changed. */
struct pages {
#define X(name, file, type) struct web_page name;
    PAGES(X)
#undef X
};
void pages_init(struct pages *p);

#endif
