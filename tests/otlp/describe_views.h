/* describe_views.h - everything that the views show of a batch, as text: two batches with the same
 * text mean the same, however their bytes are laid out. */
#ifndef TESTS_OTLP_DESCRIBE_VIEWS_H
#define TESTS_OTLP_DESCRIBE_VIEWS_H

#include "otlp/batch.h"

void describe_views(const Batch *batch, Buf *out);

#endif
