"""What differs on purpose. A difference that no row here covers fails, and so does a row that covers none.

`said` is the row's first column in docs/collector.md, which has the reasons: compare.py holds the two together.
`cases` and `path` are patterns for the whole name of a case and for the whole path inside what came out.
"""

import re
from dataclasses import dataclass


@dataclass
class Row:
    said: str
    cases: str
    path: str
    seen: int = 0

    def covers(self, case, path):
        return bool(re.fullmatch(self.cases, case) and re.fullmatch(self.path, path))


REFUSED = "configuration"
PAGE = r"page\.[a-z/-]+\.families"

ROWS = [
    # Better on purpose.
    Row("`span`: a group inside another, or one that takes no part",
        r"span: attributes from a name with (nested groups|a group that takes no part)", r"(answers|traces)\[0\]"),
    Row("`span`: a group without a name", r"span: attributes from a name with a group without a name", r"traces\S*spans\[0\]\.(attributes\.|name)"),
    Row("`span`: a rule without any named group", r"span: a rule without groups", REFUSED),
    Row("`span`: names from bytes, lists, maps and empty values", r"span: a name from bytes, lists, maps and nothing", r"traces\S*\.name"),
    Row("`span`: names from very small numbers", r"span: a name from a small number", r"traces\S*\.name"),
    Row("maps as text", r"(attributes: convert|debug: \w+,) a map with keys in any order", r"traces\S*\.stringValue|lines\[\d+\]"),
    Row("a metric's `metadata`, split by `batch` or aggregated",
        r"batch: rich data split.*|metricstransform: every kind of metric aggregated", r"metrics\S*\.metadata"),
    Row("`metricstransform`: resources and scopes without metrics", r"resources without items: metricstransform", r"metrics\[0\]\S*"),
    Row("`metricstransform` without `transforms`", r"metricstransform: nothing", REFUSED),
    Row("`include` and `exclude`: conditions of another signal",
        r"attributes: include (services|span names|attributes|bodies|metric names) of (logs|metrics|points|spans)", REFUSED),
    Row("`include` and `exclude`: spans without a kind", r"attributes: include spans without a kind", REFUSED),
    Row("the body of an answer to what was accepted", r"received: (protobuf|gRPC).*", r"answers\[\d+\]\S*"),
    Row("a `Content-Encoding` that is unknown, or not what the body is", r"answered: (another encoding|no gzip)", r"answer\.(status|type)"),
    Row("ids of another length", r"answered: an id too short", r"answer\.status"),
    Row("`otlp`: an endpoint that begins with `http://`", r"otlp: http:// in front of the endpoint", r"requests\[\d+\]"),
    Row("`debug`: control characters in text", r"debug: \w+, text of several lines", r"lines\[\d+\]"),
    Row("`debug`: buckets of exponential histograms", r"debug: \w+, exponential histograms", r"lines\[\d+\]"),
    Row("`prometheus`: `target_info` of a resource without `service.instance.id`", r"prometheus: .*", PAGE + r"\.samples\.target_info\{cloud_region.*\}"),
    Row("`prometheus`: units in OpenMetrics", r"prometheus: OpenMetrics and exemplars", PAGE + r"\.\w+\.UNIT"),
    Row("`prometheus`: `add_metric_suffixes: false`", r"prometheus: without suffixes", PAGE + r"\..*"),
    Row("`prometheus` without an `endpoint`", r"a prometheus exporter without an endpoint", REFUSED),
    Row("a duration without a unit", r"a number for a duration", REFUSED),
    Row("`prometheus`: exemplars", r"prometheus: OpenMetrics and exemplars", PAGE + r"\.samples\..*\.exemplar"),
    # Not there yet.
    Row("`metricstransform`: `combine`, `group`, `experimental_match_labels`, aggregation by count and median",
        r"metricstransform: (combine|group|aggregation by median|points with some labels only)", REFUSED),
    Row("`prometheus`: exponential histograms", r"prometheus: exponential histograms", PAGE + r"\..*"),
    Row("`prometheus`: names in UTF-8", r"names that prometheus takes as they are", REFUSED),
]  # fmt: skip
