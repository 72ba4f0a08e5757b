import {
  DEFAULTS,
  durationUs,
  parseTags,
  problems,
  queryForApi,
  queryFromUrl,
  queryToUrl,
  tag,
} from "../../ui/src/model/query";

const fromUrl = (text: string) => queryFromUrl(new URLSearchParams(text));

test("an address and back is the same address", () => {
  const query = {
    ...DEFAULTS,
    service: "a b&c",
    tags: 'x=1 y="two words"',
    minDuration: "10ms",
    sort: "longest",
  };
  expect(fromUrl(queryToUrl(query).split("?")[1]!)).toEqual(query);
  expect(queryToUrl(DEFAULTS)).toBe("/search");
});

test("links of Jaeger's page work", () => {
  const query = fromUrl(
    'end=2000&start=1000&service=shop&operation=all&tags={"error":"true","who":"a b"}&limit=50',
  );
  expect(query).toMatchObject({
    service: "shop",
    operation: "",
    lookback: "custom",
    start: "1000",
    end: "2000",
    limit: "50",
  });
  expect(parseTags(query.tags).tags).toEqual({ error: "true", who: "a b" });
});

test("a lookback beats the range that Jaeger's page writes beside it", () => {
  expect(queryForApi(fromUrl("lookback=1h&start=1&end=2"), "s", 7_200_000).get("start")).toBe(
    "3600000000",
  );
});

test("the API is asked in microseconds, with tags as JSON", () => {
  const params = queryForApi(
    { ...DEFAULTS, lookback: "5m", tags: "error=true", operation: "GET /" },
    "shop",
    1_000_000,
  );
  expect(Object.fromEntries(params)).toEqual({
    service: "shop", operation: "GET /", tags: '{"error":"true"}', start: "700000000", end: "1000000000", limit: "20", lookback: "5m",
  }); // prettier-ignore
});

test("attributes are key=value, quoted where they hold spaces", () => {
  expect(parseTags('  a=1  b="x \\" y"  c=  url=http://h/?q=1 ').tags).toEqual({
    a: "1",
    b: 'x " y',
    c: "",
    url: "http://h/?q=1",
  });
  for (const value of ["plain", "two words", 'quo"te', "back\\slash and space"])
    expect(parseTags(tag("k", value)).tags).toEqual({ k: value });
});

test("what is no attribute is said to be none", () => {
  for (const text of ["error", "=x", 'a="open', "a=1 b", 'a="x"y=2'])
    expect(parseTags(text).problem).toContain("is not key=value");
});

test("durations are read as Go writes them", () => {
  expect(["", "100ms", "1.5s", "1m30s", "2us", "500ns"].map(durationUs)).toEqual([
    0, 100_000, 1_500_000, 90_000_000, 2, 0.5,
  ]);
  for (const text of ["100", "ms", "1 s", "-1s", "1d", "1sx"]) expect(durationUs(text)).toBeNull();
});

test("every field says what to type instead", () => {
  const all = problems({
    ...DEFAULTS,
    tags: "x",
    minDuration: "5",
    maxDuration: "5",
    limit: "0",
    lookback: "custom",
    start: "",
    end: "1",
  });
  expect(Object.keys(all).sort()).toEqual(["limit", "maxDuration", "minDuration", "start", "tags"]);
  expect(problems({ ...DEFAULTS, lookback: "custom", start: "5", end: "5" })).toHaveProperty("end");
  expect(problems({ ...DEFAULTS, minDuration: "2s", maxDuration: "1s" })).toHaveProperty(
    "maxDuration",
  );
  expect(problems(DEFAULTS)).toEqual({});
});
