#include <string.h>

#include "base/str.h"
#include "pki/ca.h"
#include "test/unit/runner.h"

static const nsec new_year_2026 = 1767225600000000000;

TEST(ca_root_is_made_and_read_back)
{
	struct ca_root root;
	struct err err = { 0 };
	char digest[CA_DIGEST_SIZE], again[CA_DIGEST_SIZE];

	EXPECT_INT(ca_root_new(new_year_2026, &root, &err), 0);
	EXPECT(str_starts(buf_text(&root.cert_pem), "-----BEGIN CERTIFICATE-----\n"));
	EXPECT(str_starts(buf_text(&root.key_pem), "-----BEGIN EC PRIVATE KEY-----\n"));
	EXPECT_STR(buf_text(&root.subject), "MBMxETAPBgNVBAMMCHN3YXJtLWNh");
	EXPECT_INT(ca_digest(buf_text(&root.cert_pem), digest, &err), 0);
	EXPECT_INT(ca_digest(buf_text(&root.cert_pem), again, &err), 0);
	EXPECT_STR(digest, again);
	EXPECT_INT(strlen(digest), 50);
	ca_root_fini(&root);
}

TEST(two_roots_differ)
{
	struct ca_root a, b;
	struct err err = { 0 };

	EXPECT_INT(ca_root_new(new_year_2026, &a, &err), 0);
	EXPECT_INT(ca_root_new(new_year_2026, &b, &err), 0);
	EXPECT(!str_eq(buf_text(&a.cert_pem), buf_text(&b.cert_pem)));
	EXPECT(!str_eq(buf_text(&a.public_key), buf_text(&b.public_key)));
	ca_root_fini(&a);
	ca_root_fini(&b);
}

TEST(ca_digest_refuses_what_is_no_certificate)
{
	struct err err = { 0 };
	char digest[CA_DIGEST_SIZE];

	EXPECT_INT(ca_digest("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", digest, &err), -1);
	EXPECT(str_starts(err.text, "root certificate: "));
}
