package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
)

// What measurements.json says: the metrics and logs that every sender makes.
type row struct {
	Name, Unit string
	Integer    bool
	Bounds     []float64
	Adds       []struct {
		Value      float64
		Attributes map[string]any
	}
}

type plan struct {
	Counters   []row
	UpDowns    []row `json:"up_downs"`
	Histograms []row
	Gauges     []row
	Logs       []struct {
		Severity   int
		Text, Body string
		Attributes map[string]any
	}
}

func readPlan(path string) (p plan) {
	bytes, err := os.ReadFile(path)
	check(err)
	check(json.Unmarshal(bytes, &p))
	return p
}

// JSON knows one kind of number: those without a fraction are integers here, as in every sender.
func attributes(from map[string]any) (list []attribute.KeyValue) {
	for key, value := range from {
		switch v := value.(type) {
		case string:
			list = append(list, attribute.String(key, v))
		case bool:
			list = append(list, attribute.Bool(key, v))
		case float64:
			if v == float64(int64(v)) {
				list = append(list, attribute.Int64(key, int64(v)))
			} else {
				list = append(list, attribute.Float64(key, v))
			}
		}
	}
	return list
}

func counted(meter metric.Meter, r row, up bool) func(float64, metric.MeasurementOption) {
	ctx := context.Background()
	switch {
	case up:
		c, err := meter.Int64UpDownCounter(r.Name, metric.WithUnit(r.Unit))
		check(err)
		return func(v float64, o metric.MeasurementOption) { c.Add(ctx, int64(v), o) }
	case r.Integer:
		c, err := meter.Int64Counter(r.Name, metric.WithUnit(r.Unit))
		check(err)
		return func(v float64, o metric.MeasurementOption) { c.Add(ctx, int64(v), o) }
	default:
		c, err := meter.Float64Counter(r.Name, metric.WithUnit(r.Unit))
		check(err)
		return func(v float64, o metric.MeasurementOption) { c.Add(ctx, v, o) }
	}
}

func measure(meter metric.Meter, p plan) {
	for i, r := range append(append([]row{}, p.Counters...), p.UpDowns...) {
		add := counted(meter, r, i >= len(p.Counters))
		for _, a := range r.Adds {
			add(a.Value, metric.WithAttributes(attributes(a.Attributes)...))
		}
	}
	for _, r := range p.Histograms {
		h, err := meter.Float64Histogram(r.Name, metric.WithUnit(r.Unit), metric.WithExplicitBucketBoundaries(r.Bounds...))
		check(err)
		for _, a := range r.Adds {
			h.Record(context.Background(), a.Value, metric.WithAttributes(attributes(a.Attributes)...))
		}
	}
	for _, r := range p.Gauges {
		_, err := meter.Int64ObservableGauge(r.Name, metric.WithUnit(r.Unit),
			metric.WithInt64Callback(func(_ context.Context, seen metric.Int64Observer) error {
				for _, a := range r.Adds {
					seen.Observe(int64(a.Value), metric.WithAttributes(attributes(a.Attributes)...))
				}
				return nil
			}))
		check(err)
	}
}

func writeLogs(ctx context.Context, logger log.Logger, p plan) {
	for _, l := range p.Logs {
		var record log.Record
		record.SetTimestamp(time.Now())
		record.SetSeverity(log.Severity(l.Severity))
		record.SetSeverityText(l.Text)
		record.SetBody(attribute.StringValue(l.Body))
		record.AddAttributes(attributes(l.Attributes)...)
		logger.Emit(ctx, record)
	}
}
