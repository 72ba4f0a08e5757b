/* sender_breaker.c - does the far side answer at all? See sender.h for the states.
 *
 *     CLOSED     all may go
 *     OPEN       nothing goes before until_ns; then whoever comes first is the probe
 *     HALF_OPEN  the probe is on its way; nothing else goes
 *
 * Any answer counts, also a refusal: somebody is there. What was sent before it opened may still
 * come back and closes it, too. The timer lets the one go that has been due for longest; where none
 * is due (all are in back-off), the next that becomes due is the probe.
 */
#include "pipe/sender_internal.h"

#include <stdio.h>

static void turn_to(Sender *sender, CircuitState state)
{
    sender->breaker.state = state;
    host_count_circuit(sender->options.host, state);
}

static bool is_on(const Sender *sender)
{
    const Breaker *breaker = &sender->breaker;
    return breaker->settings && breaker->settings->enabled && !sender->draining;
}

static void is_due(void *owner)
{
    Sender *sender = owner;
    SendSlot *oldest = NULL;
    for (size_t i = 0; i < sender->slot_count; i++) {
        SendSlot *slot = &sender->slots[i];
        if (slot->state == SLOT_HELD && (!oldest || slot->due_ns < oldest->due_ns))
            oldest = slot;
    }
    if (oldest)
        sender_resume_one(oldest);
    else
        sender_pump(sender);
}

void breaker_init(Sender *sender)
{
    Breaker *breaker = &sender->breaker;
    breaker->settings = sender->options.breaker;
    breaker->timer = (Timer){ .fire = is_due, .owner = sender };
    if (is_on(sender))
        turn_to(sender, CIRCUIT_CLOSED);
}

bool breaker_would_let(const Sender *sender)
{
    const Breaker *breaker = &sender->breaker;
    return breaker->state <= CIRCUIT_CLOSED ||
           (breaker->state == CIRCUIT_OPEN && sender_now(sender) >= breaker->until_ns);
}

bool breaker_lets(Sender *sender, const SendSlot *slot)
{
    Breaker *breaker = &sender->breaker;
    if (breaker->state <= CIRCUIT_CLOSED)
        return true;
    if (!breaker_would_let(sender))
        return false;
    timer_cancel(host_loop(sender->options.host), &breaker->timer);
    breaker->probe = slot;
    turn_to(sender, CIRCUIT_HALF_OPEN);
    return true;
}

static void open_for_a_while(Sender *sender)
{
    Breaker *breaker = &sender->breaker;
    breaker->until_ns = sender_now(sender) + breaker->settings->probe_interval;
    breaker->probe = NULL;
    timer_set(host_loop(sender->options.host), &breaker->timer, breaker->until_ns);
    turn_to(sender, CIRCUIT_OPEN);
}

static void tell_open(const Sender *sender, const Err *why)
{
    const Breaker *breaker = &sender->breaker;
    char text[DEGRADED_TEXT_MAX];
    snprintf(text, sizeof text, "the circuit breaker is open: %s", why->text);
    host_set_degraded(sender->options.host, text);
    host_log(sender->options.host, LOG_WARN,
             "the circuit breaker opens after %llu failures in a row; one batch is tried every "
             "%lldms, the rest waits error=%s",
             (unsigned long long)breaker->failures,
             (long long)(breaker->settings->probe_interval / NANOS_PER_MILLI), why->text);
}

void breaker_failed(Sender *sender, const SendSlot *slot, const Err *why)
{
    Breaker *breaker = &sender->breaker;
    if (!is_on(sender) || sender->closed)
        return;
    breaker->failures++;
    if (breaker->state == CIRCUIT_HALF_OPEN && breaker->probe == slot) {
        open_for_a_while(sender);
    } else if (breaker->state == CIRCUIT_CLOSED &&
               breaker->failures >= breaker->settings->consecutive_failures) {
        open_for_a_while(sender);
        tell_open(sender, why);
    }
}

static bool shut(Sender *sender)
{
    Breaker *breaker = &sender->breaker;
    breaker->failures = 0;
    if (breaker->state <= CIRCUIT_CLOSED)
        return false;
    timer_cancel(host_loop(sender->options.host), &breaker->timer);
    breaker->probe = NULL;
    turn_to(sender, CIRCUIT_CLOSED);
    host_set_degraded(sender->options.host, NULL);
    return true;
}

bool breaker_worked(Sender *sender)
{
    bool was_open = shut(sender);
    if (was_open)
        host_log(sender->options.host, LOG_INFO, "the circuit breaker is closed again");
    return was_open;
}

void breaker_end(Sender *sender)
{
    shut(sender);
}

void breaker_stop(Sender *sender)
{
    timer_cancel(host_loop(sender->options.host), &sender->breaker.timer);
}
