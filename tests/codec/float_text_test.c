/* float_text_test.c - against texts that Go's strconv printed, and by reading back. */
#include "codec/float_text.h"

#include "base/random.h"
#include "codec/json_number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Row {
    double value;
    const char *text[4]; /* fixed, general, answer, metrics */
} Row;

/* clang-format off */
static const Row rows[] = {
    { 0x0p+00, { "0", "0", "0", "0.0" } },
    { -0x0p+00, { "-0", "-0", "-0", "-0.0" } },
    { 0x1p+00, { "1", "1", "1", "1.0" } },
    { -0x1p+00, { "-1", "-1", "-1", "-1.0" } },
    { 0x1.999999999999ap-04, { "0.1", "0.1", "0.1", "0.1" } },
    { 0x1p-01, { "0.5", "0.5", "0.5", "0.5" } },
    { 0x1.8p+00, { "1.5", "1.5", "1.5", "1.5" } },
    { -0x1.4p+01, { "-2.5", "-2.5", "-2.5", "-2.5" } },
    { 0x1.9p+06, { "100", "100", "100", "100.0" } },
    { 0x1.e24p+16, { "123456", "123456", "123456", "123456.0" } },
    { 0x1.e847ep+19, { "999999", "999999", "999999", "999999.0" } },
    { 0x1.e848p+19, { "1000000", "1e+06", "1000000", "1e+06" } },
    { 0x1.2d687p+20, { "1234567", "1.234567e+06", "1234567", "1.234567e+06" } },
    { 0x1.312dp+24, { "20000000", "2e+07", "20000000", "2e+07" } },
    { 0x1.d6f3454p+26, { "123456789", "1.23456789e+08", "123456789", "1.23456789e+08" } },
    { 0x1.c6bf52634p+49, { "1000000000000000", "1e+15", "1000000000000000", "1e+15" } },
    { 0x1.fffffffffffffp+52,
      { "9007199254740991", "9.007199254740991e+15", "9007199254740991",
        "9.007199254740991e+15" } },
    { 0x1p+53,
      { "9007199254740992", "9.007199254740992e+15", "9007199254740992",
        "9.007199254740992e+15" } },
    { 0x1.0000000000001p+53,
      { "9007199254740994", "9.007199254740994e+15", "9007199254740994",
        "9.007199254740994e+15" } },
    { 0x1.5af1d78b58c4p+66,
      { "100000000000000000000", "1e+20", "100000000000000000000", "1e+20" } },
    { 0x1.b1ae4d6e2ef5p+69, { "1000000000000000000000", "1e+21", "1e+21", "1e+21" } },
    { 0x1.0f0cf064dd592p+73, { "10000000000000000000000", "1e+22", "1e+22", "1e+22" } },
    { 0x1.a36e2eb1c432dp-14, { "0.0001", "0.0001", "0.0001", "0.0001" } },
    { 0x1.02e4b6ce5dc68p-13, { "0.00012345", "0.00012345", "0.00012345", "0.00012345" } },
    { 0x1.4f8b588e368f1p-17, { "0.00001", "1e-05", "0.00001", "1e-05" } },
    { 0x1.0c6f7a0b5ed8dp-20, { "0.000001", "1e-06", "0.000001", "1e-06" } },
    { 0x1.0c2ac1dbbe3d8p-20, { "0.000000999", "9.99e-07", "9.99e-07", "9.99e-07" } },
    { 0x1.ad7f29abcaf48p-24, { "0.0000001", "1e-07", "1e-07", "1e-07" } },
    { 0x1.12e0be826d695p-30, { "0.000000001", "1e-09", "1e-09", "1e-09" } },
    { 0x1.bff2ee48e053p-333,
      { "0.0000000000000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000001",
        "1e-100", "1e-100", "1e-100" } },
    { 0x1.3333333333333p-02, { "0.3", "0.3", "0.3", "0.3" } },
    { 0x1.5555555555555p-02,
      { "0.3333333333333333", "0.3333333333333333", "0.3333333333333333",
        "0.3333333333333333" } },
    { 0x1.921fb54442d18p+01,
      { "3.141592653589793", "3.141592653589793", "3.141592653589793", "3.141592653589793" } },
    { 0x1.fffffffffffffp-45,
      { "0.00000000000005684341886080801", "5.684341886080801e-14", "5.684341886080801e-14",
        "5.684341886080801e-14" } },
    { 0x1p-44,
      { "0.00000000000005684341886080802", "5.684341886080802e-14", "5.684341886080802e-14",
        "5.684341886080802e-14" } },
    { 0x1p+89,
      { "618970019642690200000000000", "6.189700196426902e+26", "6.189700196426902e+26",
        "6.189700196426902e+26" } },
    { 0x1.4p+01, { "2.5", "2.5", "2.5", "2.5" } },
    { 0x1.47ae147ae147bp-08, { "0.005", "0.005", "0.005", "0.005" } },
    { 0x1.999999999999ap-06, { "0.025", "0.025", "0.025", "0.025" } },
    { 0x1.e8481p+19, { "1000000.5", "1.0000005e+06", "1000000.5", "1.0000005e+06" } },
    { 0x1.1666666666666p+02, { "4.35", "4.35", "4.35", "4.35" } },
    { 0x1p-20,
      { "0.00000095367431640625", "9.5367431640625e-07", "9.5367431640625e-07",
        "9.5367431640625e-07" } },
    { 0x1.e240c9fbe76c9p+16, { "123456.789", "123456.789", "123456.789", "123456.789" } },
    { 0x1.8ff5c28f5c28fp+06, { "99.99", "99.99", "99.99", "99.99" } },
    { (double)NAN, { "NaN", "NaN", "NaN", "NaN" } },
    { (double)INFINITY, { "+Inf", "+Inf", "+Inf", "+Inf" } },
    { -(double)INFINITY, { "-Inf", "-Inf", "-Inf", "-Inf" } },
};
/* clang-format on */

static void test_as_go_prints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (FloatForm form = FLOAT_FIXED; form <= FLOAT_METRICS; form++) {
            char text[FLOAT_TEXT_SIZE + 1];
            text[float_text(rows[i].value, form, text)] = 0;
            assert_string_equal(text, rows[i].text[form]);
        }
}

static void test_longest_fits(void **state)
{
    (void)state;
    char text[FLOAT_TEXT_SIZE];
    assert_int_equal(float_text(-0x1p-1074, FLOAT_FIXED, text), 327);
    assert_true(float_text(-0x1.fffffffffffffp-1022, FLOAT_FIXED, text) < FLOAT_TEXT_SIZE);
    assert_true(float_text(-0x1.fffffffffffffp1023, FLOAT_FIXED, text) < FLOAT_TEXT_SIZE);
}

static void test_reads_back(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 7);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = random_next(&random);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        for (FloatForm form = FLOAT_FIXED; form <= FLOAT_METRICS; form++) {
            char text[FLOAT_TEXT_SIZE];
            assert_true(json_number_double((Str){ text, float_text(value, form, text) }, &back));
            assert_memory_equal(&back, &value, sizeof value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_go_prints),
        cmocka_unit_test(test_longest_fits),
        cmocka_unit_test(test_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
