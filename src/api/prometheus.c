/* prometheus.c - which question is asked; see prometheus.h. */
#include "api/prometheus.h"

#include "codec/json.h"

/* ---- the envelope -------------------------------------------------------------------------------
 */

static void answer_error(ApiAnswer *answer, int status, Str type, Str text)
{
    buf_clear(&answer->body);
    answer->status = status;
    JsonWriter json = json_writer(&answer->body);
    json_object(&json);
    json_key(&json, STR("status"));
    json_text(&json, STR("error"));
    json_key(&json, STR("errorType"));
    json_text(&json, type);
    json_key(&json, STR("error"));
    json_text(&json, text);
    json_end(&json);
}

static void api_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)request;
    if (!sources->series)
        answer_error(answer, 503, STR("unavailable"), STR("there is no store of metrics"));
    else
        answer_error(answer, 404, STR("not_found"), STR("there is nothing at this path"));
}

const ApiRoute prometheus_routes[PROMETHEUS_ROUTES] = {
    { .path = STR_ROW("/api/v1/*"), .answer = api_face },
};

/* ---- the server itself --------------------------------------------------------------------------
 */

static void answer_plain(ApiAnswer *answer, int status, Str text)
{
    answer->status = status;
    answer->content_type = STR("text/plain; charset=utf-8");
    buf_add(&answer->body, text);
}

static void healthy_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)sources;
    (void)request;
    answer_plain(answer, 200, STR("cryostorm is healthy.\n"));
}

static void ready_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)request;
    if (sources->series)
        answer_plain(answer, 200, STR("cryostorm is ready.\n"));
    else
        answer_plain(answer, 503, STR("There is no store of metrics.\n"));
}

static void reload_face(const ApiSources *sources, const ApiRequest *request, ApiAnswer *answer)
{
    (void)sources;
    (void)request;
    answer_plain(answer, 501,
                 STR("A running cryostorm does not read its configuration again yet; "
                     "restart it.\n"));
}

const ApiRoute prometheus_port_routes[PROMETHEUS_PORT_ROUTES] = {
    { .path = STR_ROW("/-/healthy"),
      .methods = STR_ROW("GET"),
      .answer = healthy_face,
      .at_once = true },
    { .path = STR_ROW("/-/ready"),
      .methods = STR_ROW("GET"),
      .answer = ready_face,
      .at_once = true },
    { .path = STR_ROW("/-/reload"),
      .methods = STR_ROW("POST, PUT"),
      .answer = reload_face,
      .at_once = true },
};
