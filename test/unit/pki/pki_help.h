/* pki_help.h - a cluster's certificates for tests. */
#pragma once
#include "pki/ca.h"
#include "pki/seal.h"
#include "pki/tls_io.h"

#define TEST_CLUSTER "clusterclusterclusterclus"
#define TEST_NODE    "nodenodenodenodenodenoden"
extern const nsec new_year_2026, test_day;

struct test_ca { struct ca_root root; struct buf cross; };
void test_ca_init(struct test_ca *ca);
void test_ca_fini(struct test_ca *ca);
/* A node's key and certificate, from an hour before `wall` on; is_manager, and which node and cluster. */
struct test_node { struct cert_name name; struct buf key, chain; };
void test_node_init(struct test_node *node, const struct test_ca *ca, const char *node_id, bool is_manager, const char *cluster_id, nsec wall, nsec life);
void test_node_fini(struct test_node *node);
struct tls_context *test_context(const char *roots_pem, const struct test_node *node);
