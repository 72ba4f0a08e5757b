/* functions.c - functions as spans: with a given name, with their own, and one that fails.
 *
 *     place_order                   a name of one's own; attributes and an event
 *       functions.c:check_stock     file and function, as nothing else was said
 *       charge                      fails: an exception, the status error, and the end on that path
 */
#include <cryostorm/context.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>

/* Somewhere below: it need not be handed the span to add to it. */
static void note_price(double price)
{
    CryoSpan current = cryo_span_current();
    cryo_span_set(current, CRYO_ATTRS("order.price", price));
    cryo_span_event(current, "priced", CRYO_ATTRS("currency", "EUR"));
}

static int check_stock(const char *item)
{
    CRYO_TRACE_FUNCTION();
    cryo_span_set(cryo_span_current(), CRYO_ATTRS("item", item));
    return 3;
}

static bool charge(double amount)
{
    CRYO_SPAN(span, "charge", .kind = CRYO_CLIENT, .attributes = CRYO_ATTRS("amount", amount));
    if (amount > 100.0) {
        cryo_span_fail(span, "CardDeclined", "the limit is 100");
        return false; /* the span ends here, too, as an error */
    }
    cryo_span_status(span, CRYO_STATUS_OK, NULL);
    return true;
}

static bool place_order(const char *item, double price)
{
    CRYO_TRACE_FUNCTION_AS("place_order");
    note_price(price);
    return check_stock(item) > 0 && charge(price);
}

int main(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error))
        fprintf(stderr, "No telemetry: %s\n", error.text);

    printf("tea: %s\n", place_order("tea", 4.5) ? "ordered" : "refused");
    printf("a samovar: %s\n", place_order("samovar", 450.0) ? "ordered" : "refused");

    if (!cryo_shutdown(5000, &error))
        fprintf(stderr, "Some telemetry was lost: %s\n", error.text);
    return 0;
}
