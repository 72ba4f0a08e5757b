/* request.c - a web request as a trace: what came in, what it took, what went wrong.
 *
 *     GET /api/v1/reviews     SERVER    events: authenticated, rendered
 *       database_query        CLIENT    attributes, text and arrays
 *       external_api_call     CLIENT    sends the trace context along
 *       send_receipt          INTERNAL  fails: a recorded exception and the status error
 *
 * The headers of the incoming request say which trace it belongs to; without them a new one begins.
 */
#include <cryostorm/propagation.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>

static int database_query(const char *statement)
{
    CRYO_SPAN(span, "database_query", .kind = CRYO_CLIENT);
    const int64_t shards[] = { 3, 5 };
    cryo_span_set(span, CRYO_ATTRS("db.system.name", "postgresql", "db.query.text", statement,
                                   "db.response.returned_rows", 12, "db.shards", CRYO_ARRAY(shards),
                                   "db.cached", CRYO_BOOL(0)));
    return 12;
}

static void external_api_call(const char *url)
{
    CRYO_SPAN(span, "external_api_call", .kind = CRYO_CLIENT,
              .attributes = CRYO_ATTRS("http.request.method", "GET", "url.full", url));
    CryoHeaders headers; /* what the other side needs in order to join this trace */
    cryo_inject(&headers);
    for (size_t i = 0; i < headers.count; i++)
        printf("> %s: %s\n", headers.header[i].name.ptr, headers.header[i].value.ptr);
    cryo_span_set(span, CRYO_ATTRS("http.response.status_code", 200));
}

static bool send_receipt(const char *address)
{
    CRYO_SPAN(span, "send_receipt", .attributes = CRYO_ATTRS("mail.to", address));
    if (strchr(address, '@') == NULL) {
        cryo_span_fail(span, "AddressError", "the address has no @");
        return false; /* the span ends here, too */
    }
    return true;
}

static int handle_web_request(const CryoHeader *headers, size_t header_count)
{
    CryoSpanContext caller; /* stays all zero when nobody called */
    cryo_extract(headers, header_count, &caller);
    CRYO_SPAN(span, "GET /api/v1/reviews", .kind = CRYO_SERVER, .remote = &caller,
              .attributes =
                  CRYO_ATTRS("http.request.method", "GET", "url.path", "/api/v1/reviews"));

    cryo_span_event(span, "authenticated", CRYO_ATTRS("user.id", 42));
    int rows = database_query("SELECT * FROM reviews");
    external_api_call("http://ratings.example/v2/average");
    int status = send_receipt("nobody") ? 200 : 500;
    cryo_span_event(span, "rendered", CRYO_ATTRS("rows", rows));

    cryo_span_set(span, CRYO_ATTRS("http.response.status_code", status));
    if (status >= 500)
        cryo_span_status(span, CRYO_STATUS_ERROR, "the receipt could not be sent");
    return status;
}

int main(void)
{
    CryoError error;
    CryoSettings settings = { .service = { .name = "reviews", .version = "1.4.0" } };
    if (!cryo_start(&settings, &error))
        fprintf(stderr, "No telemetry: %s\n", error.text);

    const CryoHeader incoming[] = {
        { CRYO_STR("Host"), CRYO_STR("reviews.example") },
        { CRYO_STR("traceparent"),
          CRYO_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") },
    };
    printf("answered with %d\n", handle_web_request(incoming, 2));
    printf("answered with %d\n", handle_web_request(NULL, 0));

    if (!cryo_shutdown(5000, &error))
        fprintf(stderr, "Some telemetry was lost: %s\n", error.text);
    return 0;
}
