/* config_graph.c - the pipelines of a configuration as a picture; see config_graph.h. */
#include "cmd/config_graph.h"

#include <inttypes.h>

/* Code points, which is columns for the letters that ids are made of. */
static size_t columns(Str text)
{
    size_t count = 0;
    for (size_t step; text.len; text = str_skip(text, step ? step : 1), count++)
        step = utf8_step(text);
    return count;
}

/* ---- text ---------------------------------------------------------------------------------------
 */

static void repeat(Buf *out, const char *what, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add(out, str_from(what));
}

static size_t widest(const ComponentList *list)
{
    size_t most = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t width = columns(list->items[i]->id);
        most = width > most ? width : most;
    }
    return most;
}

/* "memory_limiter ─▶ batch " */
static void add_chain(const ComponentList *processors, Buf *out)
{
    for (size_t i = 0; i < processors->count; i++) {
        buf_add(out, i ? STR("─▶ ") : STR(""));
        buf_add(out, processors->items[i]->id);
        buf_add_byte(out, ' ');
    }
}

static const char *joint(size_t row, size_t count, const char *const joints[4])
{
    return count == 1 ? joints[0] : row == 0 ? joints[1] : row + 1 == count ? joints[3] : joints[2];
}

static void add_row(const PipelineConfig *pipeline, size_t row, Str chain, Buf *out)
{
    static const char *const in[] = { " ─", " ─┬", " ─┤", " ─┘" };
    static const char *const to[] = { "─", "┬─", "├─", "└─" };
    const ComponentList *from = &pipeline->receivers, *ends = &pipeline->exporters;
    size_t width = widest(from), used = 0;
    buf_add(out, STR("  "));
    if (row < from->count) {
        Str id = from->items[row]->id;
        buf_add(out, id);
        used = columns(id);
        repeat(out, row || from->count > 1 ? " " : "", width - used);
        buf_add(out, str_from(joint(row, from->count, in)));
    } else {
        repeat(out, " ", width + columns(str_from(joint(0, from->count, in))));
    }
    if (row == 0) {
        buf_add(out, chain.len ? STR("─▶ ") : STR("─"));
        buf_add(out, chain);
        buf_add(out, chain.len ? STR("─") : STR(""));
    } else if (row < ends->count) {
        repeat(out, " ", (chain.len ? columns(STR("─▶ ")) + 1 : 1) + columns(chain));
    }
    if (row < ends->count) {
        buf_add(out, str_from(joint(row, ends->count, to)));
        buf_add(out, STR("▶ "));
        buf_add(out, ends->items[row]->id);
    }
    buf_add_byte(out, '\n');
}

static void add_pipeline(const PipelineConfig *pipeline, Buf *out)
{
    Buf chain = BUF(CONFIG_GRAPH_MAX);
    size_t rows = pipeline->receivers.count > pipeline->exporters.count ? pipeline->receivers.count
                                                                        : pipeline->exporters.count;
    add_chain(&pipeline->processors, &chain);
    buf_add(out, pipeline->id);
    buf_add_byte(out, '\n');
    for (size_t row = 0; row < rows; row++)
        add_row(pipeline, row, buf_str(&chain), out);
    out->failed = out->failed || chain.failed;
    buf_free(&chain);
}

static void add_ids(const char *title, const ComponentList *list, Buf *out)
{
    if (!list->count)
        return;
    buf_addf(out, "%s\n ", title);
    for (size_t i = 0; i < list->count; i++)
        buf_addf(out, "%s %.*s", i ? "," : "", STR_ARG(list->items[i]->id));
    buf_add_byte(out, '\n');
}

static void add_unused(const ServiceConfig *config, Buf *out)
{
    bool any = false;
    for (int kind = 0; kind < COMPONENT_KIND_COUNT; kind++)
        for (size_t i = 0; i < config->defined[kind].count; i++) {
            const ComponentConfig *component = config->defined[kind].items[i];
            if (component->used)
                continue;
            buf_addf(out, "%s %s.%.*s", any ? "," : "not started\n ",
                     component_kind_section((ComponentKind)kind), STR_ARG(component->id));
            any = true;
        }
    buf_add(out, any ? STR("\n") : STR(""));
}

void config_graph_text(const ServiceConfig *config, Buf *out)
{
    for (size_t i = 0; i < config->pipeline_count; i++) {
        add_pipeline(&config->pipelines[i], out);
        buf_add_byte(out, '\n');
    }
    add_ids("extensions", &config->extensions, out);
    add_unused(config, out);
}

/* ---- SVG ----------------------------------------------------------------------------------------
 */

enum {
    MARGIN = 16,
    TITLE = 24,      /* a pipeline's name */
    BOX = 28,        /* height of a box */
    LINE = BOX + 12, /* from box to box below it */
    GAP = 48,        /* between columns, for the arrows */
    LETTER = 8,      /* a column of text, in the font that the style asks for */
    PAD = 12,        /* beside the text in a box */
};

typedef struct Drawing {
    Buf *out;
    size_t top;   /* of the pipeline at work */
    size_t rows;  /* of it */
    size_t width; /* so far, of all */
} Drawing;

static void escape(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<' || c == '>' || c == '&' || c == '"')
            buf_addf(out, "&#%d;", c);
        else
            buf_add_byte(out, c);
    }
}

static size_t box_width(const ComponentList *list)
{
    return widest(list) * LETTER + (size_t)2 * PAD;
}

/* The middle of a column's row: few boxes stand in the middle of many. */
static size_t middle(const Drawing *drawing, size_t count, size_t row)
{
    size_t above = (drawing->rows - count) * LINE / 2;
    return drawing->top + TITLE + above + row * LINE + BOX / 2;
}

static void draw_box(Drawing *drawing, const ComponentConfig *component, size_t x, size_t y,
                     size_t width)
{
    Buf place = BUF(4096);
    place_write(&place, component->place);
    buf_addf(drawing->out, "<g class=\"%s\"><title>", component_kind_name(component->type->kind));
    escape(drawing->out, buf_str(&place));
    buf_addf(drawing->out,
             "</title><rect x=\"%zu\" y=\"%zu\" width=\"%zu\" height=\"%d\" rx=\"6\"/>"
             "<text x=\"%zu\" y=\"%zu\">",
             x, y - BOX / 2, width, BOX, x + width / 2, y + 4);
    escape(drawing->out, component->id);
    buf_add(drawing->out, STR("</text></g>\n"));
    buf_free(&place);
}

static void draw_arrow(Drawing *drawing, size_t x, size_t from, size_t to)
{
    buf_addf(drawing->out,
             "<path d=\"M%zu %zu C%zu %zu %zu %zu %zu %zu\" marker-end=\"url(#end)\"/>\n", x, from,
             x + GAP / 2, from, x + GAP / 2, to, x + GAP - 4, to);
}

/* One column of boxes, and the arrows to it from the one before; returns where it ends. */
static size_t draw_column(Drawing *drawing, const ComponentList *list, size_t before, size_t x)
{
    size_t width = box_width(list);
    for (size_t i = 0; i < list->count; i++) {
        size_t y = middle(drawing, list->count, i);
        draw_box(drawing, list->items[i], x, y, width);
        for (size_t b = 0; b < before; b++)
            draw_arrow(drawing, x - GAP, middle(drawing, before, b), y);
    }
    return x + width;
}

static void draw_pipeline(Drawing *drawing, const PipelineConfig *pipeline)
{
    size_t before = pipeline->receivers.count;
    drawing->rows = before > pipeline->exporters.count ? before : pipeline->exporters.count;
    buf_addf(drawing->out, "<text class=\"pipeline\" x=\"%d\" y=\"%zu\">", MARGIN,
             drawing->top + 14);
    escape(drawing->out, pipeline->id);
    buf_add(drawing->out, STR("</text>\n"));
    size_t x = draw_column(drawing, &pipeline->receivers, 0, MARGIN);
    for (size_t i = 0; i < pipeline->processors.count; i++) {
        ComponentConfig *one[] = { pipeline->processors.items[i] };
        x = draw_column(drawing, &(ComponentList){ one, 1 }, before, x + GAP);
        before = 1;
    }
    x = draw_column(drawing, &pipeline->exporters, before, x + GAP) + MARGIN;
    drawing->width = x > drawing->width ? x : drawing->width;
    drawing->top += TITLE + drawing->rows * LINE + MARGIN;
}

static const char style[] =
    "<style>\n"
    "text { font: 13px monospace; text-anchor: middle; fill: #1d2433 }\n"
    ".pipeline { text-anchor: start; font-weight: bold }\n"
    "rect { fill: #eef2f8; stroke: #7a8aa6 }\n"
    ".receiver rect { fill: #e3f3e6 } .exporter rect { fill: #fdeedd }\n"
    "path { fill: none; stroke: #7a8aa6 } marker path { fill: #7a8aa6; stroke: none }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "text { fill: #e6eaf2 } rect { fill: #2a3345 } .receiver rect { fill: #1f3a2a }\n"
    ".exporter rect { fill: #453320 } }\n"
    "</style>\n"
    "<defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"6\" refY=\"4\" markerWidth=\"8\" "
    "markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n";

void config_graph_svg(const ServiceConfig *config, Buf *out)
{
    Buf body = BUF(CONFIG_GRAPH_MAX);
    Drawing drawing = { .out = &body, .top = MARGIN };
    for (size_t i = 0; i < config->pipeline_count; i++)
        draw_pipeline(&drawing, &config->pipelines[i]);
    buf_addf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" width=\"%zu\" "
             "height=\"%zu\" role=\"img\">\n<title>Pipelines of cryostorm</title>\n",
             drawing.width, drawing.top, drawing.width, drawing.top);
    buf_add(out, str_from(style));
    buf_add(out, buf_str(&body));
    buf_add(out, STR("</svg>\n"));
    out->failed = out->failed || body.failed;
    buf_free(&body);
}
