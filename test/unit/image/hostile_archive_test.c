/* Archives of images as somebody makes them who means harm or knows no better: each is refused in one line, and nothing is left behind.
 *
 * The texts are templates: M, C, L are the digests of a good image's manifest, config and layer, D the layer's diff id, Z one of nothing, each
 * written as $M; their lengths as $m, $c, $l.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/panic.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/unit/image/archive_builder.h"
#include "test/unit/image/store_lab.h"
#include "test/unit/runner.h"

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define LAYOUT { "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", NULL, 0 }
#define TYPE_M "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\""
#define GOOD "{" TYPE_M ",\"digest\":\"sha256:$M\",\"size\":$m}"
#define INDEX(entries) { "index.json", "{\"schemaVersion\":2,\"manifests\":[" entries "]}", NULL, 0 }
#define CONFIG_OF(digest, size) "{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" digest "\",\"size\":" size "}"
#define LAYER_OF(type, digest, size, more) "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size more "}"
#define TAR "application/vnd.oci.image.layer.v1.tar"
/* A manifest that is not under its digest's name, but whose content counts: index.json names it by what $1 stands for. */
#define OWN_MANIFEST(text) { "own", text, NULL, 0 }
#define OWN "{" TYPE_M ",\"digest\":\"sha256:$O\",\"size\":$o}"
#define MANIFEST(config, layers) "{\"schemaVersion\":2," TYPE_M ",\"config\":" config ",\"layers\":[" layers "]}"
#define OWN_CONFIG(text) { "own-config", text, NULL, 0 }
#define DOCKER(text) { "manifest.json", text, NULL, 0 }
#define DOCKER_GOOD(names) "{\"Config\":\"blobs/sha256/$C\",\"RepoTags\":" names ",\"Layers\":[\"blobs/sha256/$L\"]}"

enum { NO_LAYER = 1, NO_CONFIG = 2, NO_MANIFEST = 4, NO_BLOBS = 7, NO_END = 8 };

struct file { const char *name, *text, *link; char type; };
static const struct hostile {
	const char *title;
	struct file files[6];
	unsigned flags;
	const char *error;
} hostiles[] = {
	/* the archive */
	{ "holds nothing", { { NULL, NULL, NULL, 0 } }, NO_BLOBS, "no archive of images: neither manifest.json nor index.json is in it (a root file system is "
	  "for 'image import')" },
	{ "is a root file system", { { "etc/passwd", "root", NULL, 0 } }, NO_BLOBS, "no archive of images: neither manifest.json nor index.json is in it (a root file system "
	  "is for 'image import')" },
	{ "breaks off", { LAYOUT, INDEX(GOOD) }, NO_END, "the archive breaks off behind the start of entry 'cut'" },
	{ "has a layout without its version", { INDEX(GOOD) }, 0, "no archive of images: index.json without the file oci-layout" },
	{ "has a layout of version 2", { { "oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", NULL, 0 }, INDEX(GOOD) }, 0,
	  "oci-layout: not an image layout of version 1" },
	{ "has a layout file without end", { { "oci-layout", "HUGE", NULL, 0 }, INDEX(GOOD) }, 0, "oci-layout: 5000000 bytes, more than 4096" },
	{ "is of before Docker 1.10", { { "repositories", "{\"x\":{\"latest\":\"$Z\"}}", NULL, 0 } }, NO_BLOBS,
	  "archives of Docker before 1.10, without manifest.json, are not supported by swarmbox" },
	{ "has a pipe for an index", { LAYOUT, { "index.json", NULL, NULL, '6' } }, 0, "entry 'index.json': a device or pipe in an archive of images" },
	{ "has a disk for a layer", { LAYOUT, INDEX(GOOD), { "blobs/sha256/disk", NULL, NULL, '4' } }, 0,
	  "entry 'blobs/sha256/disk': a device or pipe in an archive of images" },
	{ "has a folder for an index", { LAYOUT, { "index.json/", NULL, NULL, '5' } }, 0,
	  "no archive of images: neither manifest.json nor index.json is in it (a root file system is for 'image import')" },
	{ "names two indexes", { LAYOUT, INDEX(GOOD), { "./index.json", "{}", NULL, 0 } }, 0, "'index.json' is twice in the archive" },
	{ "names an index and a link", { LAYOUT, INDEX(GOOD), { "index.json", NULL, "oci-layout", '2' } }, 0, "'index.json' is twice in the archive" },
	{ "has another content under a layer's name", { LAYOUT, INDEX(GOOD), { "blobs/sha256/$L", "evil", NULL, 0 } }, 0,
	  "'blobs/sha256/$L' is twice in the archive" },
	{ "writes above itself", { LAYOUT, INDEX(GOOD), { "../../etc/cron.d/x", "* * * * *", NULL, 0 } }, 0,
	  "entry '../../etc/cron.d/x': its path climbs out of the root" },
	{ "is itself a file", { { ".", "x", NULL, 0 } }, 0, "entry '.': the root can only be a folder" },
	{ "links to the host's passwords", { LAYOUT, INDEX(GOOD), { "x", NULL, "../../../etc/shadow", '2' } }, 0,
	  "'x' is a link to '../../../etc/shadow', out of the archive" },
	{ "links hard to above itself", { LAYOUT, INDEX(GOOD), { "x", NULL, "../x", '1' } }, 0, "'x' is a link to '../x', out of the archive" },
	{ "links to itself", { LAYOUT, { "index.json", NULL, "index.json", '2' } }, 0, "'index.json' is a link that leads to no end" },
	{ "links in a circle", { LAYOUT, { "index.json", NULL, "a", '2' }, { "a", NULL, "b", '2' }, { "b", NULL, "a", '2' } }, 0,
	  "'index.json' is a link that leads to no end" },
	{ "links to the host's index", { LAYOUT, { "index.json", NULL, "/var/lib/docker/image", '2' } }, 0, "'index.json' is not in the archive" },
	{ "has an unknown kind of entry", { LAYOUT, INDEX(GOOD), { "x", NULL, NULL, 'Z' } }, 0, "entry 'x': type 'Z' is not supported" },

	/* index.json */
	{ "has an index that is no JSON", { LAYOUT, { "index.json", "not json", NULL, 0 } }, 0, "index.json: byte 0: invalid literal, expected a valid literal such as 'null'" },
	{ "has an empty index", { LAYOUT, { "index.json", "", NULL, 0 } }, 0, "index.json: byte 0: input length is 0" },
	{ "has an index that is a list", { LAYOUT, { "index.json", "[]", NULL, 0 } }, 0, "index.json: no list of at most 10000 manifests" },
	{ "has an index of no images", { LAYOUT, INDEX("") }, 0, "index.json: it names no image" },
	{ "has an index of schema 1", { LAYOUT, { "index.json", "{\"schemaVersion\":1,\"manifests\":[]}", NULL, 0 } }, 0, "index.json: not of schema version 2" },
	{ "has an index without end", { LAYOUT, { "index.json", "HUGE", NULL, 0 } }, 0, "index.json: 5000000 bytes, more than 4194304" },
	{ "has an index that nests without end", { LAYOUT, { "index.json", "DEEP", NULL, 0 } }, 0, "index.json: no list of at most 10000 manifests" },
	{ "has an index of 10,001 entries", { LAYOUT, { "index.json", "MANY", NULL, 0 } }, 0, "index.json: no list of at most 10000 manifests" },
	{ "names a manifest by nothing", { LAYOUT, INDEX("{}") }, 0, "index.json: manifest: no sha256 digest" },
	{ "names a manifest by a path", { LAYOUT, INDEX("{\"digest\":\"sha256:../../../../etc/passwd\",\"size\":1}") }, 0, "index.json: manifest: no sha256 digest" },
	{ "names a manifest by half a digest", { LAYOUT, INDEX("{\"digest\":\"sha256:abcd\",\"size\":1}") }, 0, "index.json: manifest: no sha256 digest" },
	{ "names a manifest in capitals", { LAYOUT, INDEX("{\"digest\":\"SHA256:$M\",\"size\":1}") }, 0, "index.json: manifest: no sha256 digest" },
	{ "names a manifest by sha512", { LAYOUT, INDEX("{\"digest\":\"sha512:$M$M\",\"size\":1}") }, 0, "index.json: manifest: no sha256 digest" },
	{ "names a manifest by a number", { LAYOUT, INDEX("{\"digest\":7,\"size\":1}") }, 0, "index.json: manifest: no sha256 digest" },
	{ "names a manifest of a size below zero", { LAYOUT, INDEX("{\"digest\":\"sha256:$M\",\"size\":-1}") }, 0, "index.json: manifest: no size" },
	{ "names a manifest of 2^64-1 bytes", { LAYOUT, INDEX("{\"digest\":\"sha256:$M\",\"size\":18446744073709551615}") }, 0, "index.json: manifest: no size" },
	{ "names a manifest of another size", { LAYOUT, INDEX("{\"digest\":\"sha256:$M\",\"size\":7}") }, 0, "manifest sha256:$M: $m bytes, but 7 are announced" },
	{ "names a manifest that is not there", { LAYOUT, INDEX("{\"digest\":\"sha256:$Z\",\"size\":7}") }, 0, "manifest sha256:$Z is not in the archive" },
	{ "has another content under a manifest's name", { LAYOUT, INDEX(GOOD), { "blobs/sha256/$M", "{}", NULL, 0 } }, NO_MANIFEST,
	  "manifest sha256:$M: the archive has another content under this name, sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" },
	{ "holds only a chart", { LAYOUT, INDEX("{\"mediaType\":\"application/x.chart\",\"digest\":\"sha256:$M\",\"size\":$m}") }, 0,
	  "index.json: manifests of type 'application/x.chart' are not supported" },
	{ "holds only an attestation", { LAYOUT, INDEX("{" TYPE_M ",\"digest\":\"sha256:$M\",\"size\":$m,\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}}") },
	  0, "index.json: it names no image" },
	{ "is named by no name", { LAYOUT, INDEX("{" TYPE_M ",\"digest\":\"sha256:$M\",\"size\":$m,\"annotations\":{\"io.containerd.image.name\":\"a b\"}}") }, 0,
	  "index.json: name 'a b': invalid reference format" },
	{ "is named with a line break", { LAYOUT, INDEX("{" TYPE_M ",\"digest\":\"sha256:$M\",\"size\":$m,\"annotations\":{\"io.containerd.image.name\":\"a\\nb\"}}") }, 0,
	  "index.json: name 'a?b': invalid reference format" },
	{ "takes the built-in image's name", { LAYOUT, INDEX("{" TYPE_M ",\"digest\":\"sha256:$M\",\"size\":$m,\"annotations\":"
	  "{\"io.containerd.image.name\":\"docker.io/library/swarmbox:latest\"}}") }, 0, "conflict: swarmbox:latest is built into swarmbox and keeps its name" },
	{ "gives one name to two images", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), LAYER_OF(TAR, "sha256:$L", "$l", ",\"x\":1"))), INDEX("{" TYPE_M
	  ",\"digest\":\"sha256:$M\",\"size\":$m,\"annotations\":{\"org.opencontainers.image.ref.name\":\"a:1\"}},{" TYPE_M
	  ",\"digest\":\"sha256:$O\",\"size\":$o,\"annotations\":{\"org.opencontainers.image.ref.name\":\"a:1\"}}") }, 0,
	  "two images of the archive have the name 'docker.io/library/a:1'" },
	{ "has an index that lists itself", { LAYOUT, INDEX("{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"sha256:$O\",\"size\":$o}"),
	  OWN_MANIFEST("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"sha256:$Z\",\"size\":1}]}") }, 0,
	  "image '$O': no matching manifest for linux/amd64 in the manifest list entries" },
	{ "has an index for other machines only", { LAYOUT, INDEX("{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"sha256:$O\",\"size\":$o}"),
	  OWN_MANIFEST("{\"schemaVersion\":2,\"manifests\":[{" TYPE_M ",\"digest\":\"sha256:$M\",\"size\":$m,\"platform\":{\"os\":\"linux\",\"architecture\":\"pdp11\"}}]}") }, 0,
	  "image '$O': no matching manifest for linux/amd64 in the manifest list entries" },

	/* manifests */
	{ "has a manifest that is no JSON", { LAYOUT, OWN_MANIFEST("{"), INDEX(OWN) }, 0, "image manifest: byte 1: unexpected end of data" },
	{ "has a manifest of schema 1", { LAYOUT, OWN_MANIFEST("{\"schemaVersion\":1,\"fsLayers\":[]}"), INDEX(OWN) }, 0,
	  "image manifest: schema version 1, of before 2016, is not supported" },
	{ "has a manifest without a config", { LAYOUT, OWN_MANIFEST("{\"schemaVersion\":2,\"layers\":[]}"), INDEX(OWN) }, 0, "image manifest: config: no sha256 digest" },
	{ "has a manifest without layers", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), "")), INDEX(OWN) }, 0, "image manifest: not 1 to 127 layers" },
	{ "has a manifest of 10,000 layers", { LAYOUT, OWN_MANIFEST("LAYERS"), INDEX(OWN) }, 0, "image manifest: not 1 to 127 layers" },
	{ "has a manifest without end", { LAYOUT, OWN_MANIFEST("HUGE"), INDEX(OWN) }, 0, "manifest: 5000000 bytes, more than 1048576" },
	{ "has a manifest that is also an index", { LAYOUT, OWN_MANIFEST("{\"schemaVersion\":2,\"manifests\":[],\"config\":" CONFIG_OF("sha256:$C", "$c") ",\"layers\":["
	  LAYER_OF(TAR, "sha256:$L", "$l", "") "]}"), INDEX(OWN) }, 0, "image manifest: it is an index of several" },
	{ "names a config that is not there", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$Z", "5"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0,
	  "config sha256:$Z is not in the archive" },
	{ "names a config of another size", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "5"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0,
	  "config sha256:$C: $c bytes, but 5 are announced" },
	{ "names a layer as its config", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$L", "$l"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0,
	  "image config: byte 0: unexpected character, expected a valid root value" },
	{ "is the manifest of a chart", { LAYOUT, OWN_MANIFEST("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/x.chart\",\"digest\":\"sha256:$C\",\"size\":$c},"
	  "\"layers\":[" LAYER_OF(TAR, "sha256:$L", "$l", "") "]}"), INDEX(OWN) }, 0, "image manifest: a config of type 'application/x.chart' is that of no image" },
	{ "lacks a layer", { LAYOUT, INDEX(GOOD) }, NO_LAYER, "layer sha256:$L is not in the archive" },
	{ "lacks its config", { LAYOUT, INDEX(GOOD) }, NO_CONFIG, "config sha256:$C is not in the archive" },
	{ "has another content under a layer's name only", { LAYOUT, INDEX(GOOD), { "blobs/sha256/$L", "{}", NULL, 0 } }, NO_LAYER,
	  "layer sha256:$L: the archive has another content under this name, sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" },
	{ "names a layer of another size", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), LAYER_OF(TAR, "sha256:$L", "6", ""))), INDEX(OWN) }, 0,
	  "layer sha256:$L: $l bytes, but 6 are announced" },
	{ "has a layer of an unknown kind", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), LAYER_OF("application/x.layer\\u001b", "sha256:$L", "$l", ""))),
	  INDEX(OWN) }, 0, "image manifest: layer of type 'application/x.layer?' is not supported" },
	{ "has an encrypted layer", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), LAYER_OF(TAR "+gzip+encrypted", "sha256:$L", "$l", ""))), INDEX(OWN) }, 0,
	  "image manifest: layer of type 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' is not supported" },
	{ "has a layer that may not be handed on", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), LAYER_OF("application/vnd.oci.image.layer.nondistributable.v1.tar",
	  "sha256:$L", "$l", ""))), INDEX(OWN) }, 0, "layer sha256:$L is a foreign one, which only its maker hands out: not supported by swarmbox" },
	{ "has a layer that is to be fetched elsewhere", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), LAYER_OF(TAR, "sha256:$L", "$l",
	  ",\"urls\":[\"http://169.254.169.254/\"]"))), INDEX(OWN) }, 0, "layer sha256:$L is a foreign one, which only its maker hands out: not supported by swarmbox" },

	/* configs */
	{ "has a config for two layers", { LAYOUT, OWN_CONFIG("{\"rootfs\":{\"diff_ids\":[\"sha256:$D\",\"sha256:$D\"]}}"),
	  OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$G", "$g"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0, "image manifest: 1 layers, but the config names 2" },
	{ "has a config of another system", { LAYOUT, OWN_CONFIG("{\"os\":\"windows\",\"rootfs\":{\"diff_ids\":[\"sha256:$D\"]}}"),
	  OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$G", "$g"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0,
	  "image operating system \"windows\" cannot be used on this platform" },
	{ "has a config that is a word", { LAYOUT, OWN_CONFIG("\"config\""),
	  OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$G", "$g"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0, "image config: not a JSON object" },
	{ "has a config without layers", { LAYOUT, OWN_CONFIG("{\"rootfs\":{\"diff_ids\":[]}}"),
	  OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$G", "$g"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0, "image config: diff_ids: 0 layers, not 1 to 127" },
	{ "has a config that names a path as a layer", { LAYOUT, OWN_CONFIG("{\"rootfs\":{\"diff_ids\":[\"sha256:../../../etc\"]}}"),
	  OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$G", "$g"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0, "image config: diff_ids: not a list of sha256 digests" },
	{ "has a config without end", { LAYOUT, OWN_CONFIG("HUGE"),
	  OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$G", "$g"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0, "config: 5000000 bytes, more than 1048576" },
	{ "has a config that wants another layer", { LAYOUT, OWN_CONFIG("{\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"sha256:$Z\"]}}"),
	  OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$G", "$g"), LAYER_OF(TAR, "sha256:$L", "$l", ""))), INDEX(OWN) }, 0,
	  "layer sha256:$L: unpacked it is sha256:$D, but the image's configuration wants sha256:$Z" },
	{ "has a layer that is no tar", { LAYOUT, OWN_MANIFEST(MANIFEST(CONFIG_OF("sha256:$C", "$c"), LAYER_OF(TAR, "sha256:$C", "$c", ""))), INDEX(OWN) }, 0,
	  "layer sha256:$12C: not a tar archive: it ends in its first header" },

	/* manifest.json */
	{ "has a manifest.json that is no JSON", { DOCKER("{]") }, 0, "manifest.json: byte 1: unexpected character, expected a string for object key" },
	{ "has a manifest.json that is an object", { DOCKER("{}") }, 0, "manifest.json: not a list of 1 to 256 images" },
	{ "has a manifest.json of nothing", { DOCKER("[]") }, 0, "manifest.json: not a list of 1 to 256 images" },
	{ "has a manifest.json of numbers", { DOCKER("[1,2]") }, 0, "manifest.json: an image without Config" },
	{ "has a manifest.json without end", { DOCKER("HUGE") }, 0, "manifest.json: 5000000 bytes, more than 4194304" },
	{ "has a config path that climbs", { DOCKER("[{\"Config\":\"../../../../etc/shadow\",\"Layers\":[\"x\"]}]") }, 0,
	  "manifest.json: Config: the path '../../../../etc/shadow' climbs out of the archive" },
	{ "has an absolute config path", { DOCKER("[{\"Config\":\"/etc/shadow\",\"Layers\":[\"x\"]}]") }, 0, "manifest.json: Config: '/etc/shadow' is not in the archive" },
	{ "has a config path with NUL", { DOCKER("[{\"Config\":\"a\\u0000b\",\"Layers\":[\"x\"]}]") }, 0, "manifest.json: an image without Config" },
	{ "has a config path with a line break", { DOCKER("[{\"Config\":\"a\\nb\",\"Layers\":[\"x\"]}]") }, 0, "manifest.json: Config: 'a?b' is not in the archive" },
	{ "has a layer path that climbs", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[\"blobs/../../x/layer.tar\"]}]") }, 0,
	  "manifest.json: Layers: the path 'blobs/../../x/layer.tar' climbs out of the archive" },
	{ "has a layer that is not there", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[\"$Z/layer.tar\"]}]") }, 0,
	  "manifest.json: Layers: '$Z/layer.tar' is not in the archive" },
	{ "has a layer that is a link to nothing", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[\"a/layer.tar\"]}]"),
	  { "a/layer.tar", NULL, "../b/layer.tar", '2' } }, 0, "manifest.json: Layers: 'a/layer.tar' is not in the archive" },
	{ "has a layer that is a link to the host", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[\"a/layer.tar\"]}]"),
	  { "a/layer.tar", NULL, "../../../../../etc/shadow", '2' } }, 0, "'a/layer.tar' is a link to '../../../../../etc/shadow', out of the archive" },
	{ "has layers that are numbers", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[7]}]") }, 0, "manifest.json: Layers: not a list of paths" },
	{ "has no layers", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":null}]") }, 0, "manifest.json: Layers: 0, not 1 to 127" },
	{ "has one layer too many", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[\"blobs/sha256/$L\",\"blobs/sha256/$L\"]}]") }, 0,
	  "image manifest: 2 layers, but the config names 1" },
	{ "has 10,000 layers", { DOCKER("PATHS") }, 0, "manifest.json: Layers: 10000, not 1 to 127" },
	{ "has a foreign layer", { DOCKER("[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[\"x\"],\"LayerSources\":{\"sha256:$Z\":{\"mediaType\":"
	  "\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\",\"urls\":[\"http://x\"]}}}]") }, 0,
	  "layer sha256:$Z is a foreign one, which only its maker hands out: not supported by swarmbox" },
	{ "has a name in capitals", { DOCKER("[" DOCKER_GOOD("[\"Nginx:1\"]") "]") }, 0,
	  "manifest.json: name 'Nginx:1': invalid reference format: repository name (library/Nginx) must be lowercase" },
	{ "has a name with a digest", { DOCKER("[" DOCKER_GOOD("[\"x@sha256:$Z\"]") "]") }, 0, "manifest.json: a name with a digest cannot be given to an image" },
	{ "has names that are no list", { DOCKER("[" DOCKER_GOOD("\"x:1\"") "]") }, 0, "manifest.json: RepoTags: not a list of at most 1024 names" },
	{ "has names that are numbers", { DOCKER("[" DOCKER_GOOD("[1]") "]") }, 0, "manifest.json: RepoTags: not a list of names" },
	{ "calls itself swarmbox", { DOCKER("[" DOCKER_GOOD("[\"swarmbox\"]") "]") }, 0, "conflict: swarmbox:latest is built into swarmbox and keeps its name" },
	{ "gives one name twice", { OWN_CONFIG("{\"rootfs\":{\"diff_ids\":[\"sha256:$D\"]}}"), DOCKER("[" DOCKER_GOOD("[\"a\"]") ",{\"Config\":\"own-config\",\"RepoTags\":[\"a:latest\"],"
	  "\"Layers\":[\"blobs/sha256/$L\"]}]") }, 0, "two images of the archive have the name 'docker.io/library/a:latest'" },
	{ "is good but for its last image", { DOCKER("[" DOCKER_GOOD("[\"good:1\"]") ",{\"Config\":\"none\",\"Layers\":[\"x\"]}]") }, 0,
	  "manifest.json: Config: 'none' is not in the archive" },
};

/* ---- making them ------------------------------------------------------------------------------------------------------------ */

struct forge { struct build build; struct build_blob own, own_config; };

static const char *value_of(const struct forge *f, char c, char number[24])
{
	const struct build_blob *blob = strchr("Mm", c) ? &f->build.manifest : strchr("Cc", c) ? &f->build.config : strchr("Ll", c) ? &f->build.layers[0] :
					strchr("Oo", c) ? &f->own : strchr("Gg", c) ? &f->own_config : NULL;

	if (c == 'Z')
		return ZERO;
	if (c == 'D')
		return f->build.diff_ids[0];
	check(blob);
	if (c >= 'A' && c <= 'Z')
		return blob->digest;
	snprintf(number, 24, "%zu", blob->bytes.len);
	return number;
}

static void repeat(struct buf *out, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i ? "," : "", text);
}

/* $M and the like, and the few texts that are too long for a table. */
static void expand(const struct forge *f, const char *text, struct buf *out)
{
	char number[24];

	if (str_eq(text, "HUGE")) {
		buf_reserve(out, 5000000);
		memset(out->data, ' ', 5000000);
		out->len = 5000000;
		return;
	}
	if (str_eq(text, "DEEP")) {
		for (int i = 0; i < 100000; i++)
			buf_add_char(out, '[');
		for (int i = 0; i < 100000; i++)
			buf_add_char(out, ']');
		return;
	}
	if (str_eq(text, "MANY") || str_eq(text, "LAYERS") || str_eq(text, "PATHS")) {
		CLEANUP(buf_finip) struct buf item = BUF_INIT;

		expand(f, text[0] == 'P' ? "\"x\"" : text[0] == 'M' ? "{\"digest\":\"sha256:$Z\",\"size\":1}" : "{}", &item);
		expand(f, text[0] == 'P' ? "[{\"Config\":\"blobs/sha256/$C\",\"Layers\":[" : text[0] == 'M' ? "{\"manifests\":[" :
		       "{\"schemaVersion\":2,\"config\":" CONFIG_OF("sha256:$C", "$c") ",\"layers\":[", out);
		repeat(out, buf_text(&item), text[0] == 'M' ? 10001 : 10000);
		buf_add_str(out, text[0] == 'P' ? "]}]" : "]}");
		return;
	}
	for (; *text; text++) {
		if (*text != '$') {
			buf_add_char(out, *text);
		} else if (text[1] == '1') {         /* $12M: the start of it */
			buf_printf(out, "%.12s", value_of(f, text[3], number));
			text += 3;
		} else {
			buf_add_str(out, value_of(f, *++text, number));
		}
	}
}

static void put_file(const struct forge *f, const struct file *file, struct buf *tar)
{
	CLEANUP(buf_finip) struct buf name = BUF_INIT, text = BUF_INIT, blob_name = BUF_INIT;

	expand(f, file->name, &name);
	if (!file->text) {
		TAR_ADD(tar, .name = buf_text(&name), .link = file->link, .type = file->type, .major = 8);
		return;
	}
	expand(f, file->text, &text);
	build_put(tar, buf_text(&name), buf_text(&text), text.len);
}

_Static_assert(ARRAY_COUNT(hostiles) >= 100, "a hundred archives are promised");

static void prepare_own(struct forge *f, const struct hostile *h, const char *name, struct build_blob *ret)
{
	for (size_t i = 0; i < 6 && h->files[i].name; i++) {
		if (!str_eq(h->files[i].name, name))
			continue;
		expand(f, h->files[i].text, &ret->bytes);
		sha256_hex(buf_text(&ret->bytes), ret->bytes.len, ret->digest);
	}
}

static void forge_archive(struct forge *f, const struct hostile *h, struct buf *tar)
{
	prepare_own(f, h, "own-config", &f->own_config);
	prepare_own(f, h, "own", &f->own);
	for (size_t i = 0; i < 6 && h->files[i].name; i++)
		put_file(f, &h->files[i], tar);
	if (!(h->flags & NO_LAYER))
		build_put_blob(tar, &f->build.layers[0]);
	if (!(h->flags & NO_CONFIG))
		build_put_blob(tar, &f->build.config);
	if (!(h->flags & NO_MANIFEST))
		build_put_blob(tar, &f->build.manifest);
	if (h->flags & NO_END)
		tar_builder_header(tar, &(struct tar_spec){ .name = "cut", .size = 1000 });
	else
		tar_builder_end(tar);
}

/* Nothing of it is in the store, and soon nothing of it is on disk. */
static void expect_nothing_left(struct store_lab *lab)
{
	for (msec until = clock_boot_ms() + 60000; store_lab_count(lab, "staging") && clock_boot_ms() < until;)
		loop_run_once(lab->loop, 20);
	EXPECT_INT(store_lab_count(lab, "staging"), 0);
	EXPECT_INT(image_store_count(lab->store), 1);
	EXPECT_INT(store_lab_count(lab, "layers"), 1);
	EXPECT_INT(store_lab_count(lab, "blobs/sha256"), 0);
}

TEST_TIMEOUT(image_load_refuses_hostile_archives_in_one_line_each, 600)
{
	struct store_lab lab;

	store_lab_init(&lab);
	store_lab_open(&lab);
	for (size_t i = 0; i < sizeof(hostiles) / sizeof(hostiles[0]); i++) {
		const struct hostile *h = &hostiles[i];
		CLEANUP(buf_finip) struct buf tar = BUF_INIT, error = BUF_INIT;
		struct forge f = { 0 };

		build_init(&f.build);
		build_add_file(&f.build, "a", "good", BUILD_PLAIN);
		build_seal(&f.build, "linux/amd64", "");
		forge_archive(&f, h, &tar);
		expand(&f, h->error, &error);
		lab.err.text[0] = '\0';
		bool is_loaded = store_lab_load(&lab, &tar, NULL);
		if (is_loaded || !str_eq(lab.err.text, buf_text(&error)))
			fprintf(stderr, "the archive that %s:\n", h->title);
		EXPECT(!is_loaded);
		EXPECT_STR(lab.err.text, buf_text(&error));
		EXPECT(lab.err.code == ERR_INVALID || lab.err.code == ERR_UNSUPPORTED || lab.err.code == ERR_CONFLICT || lab.err.code == ERR_NOT_FOUND);
		expect_nothing_left(&lab);
		build_fini(&f.build);
		buf_fini(&f.own.bytes);
		buf_fini(&f.own_config.bytes);
	}
	store_lab_fini(&lab);
}

/* ---- layers ----------------------------------------------------------------------------------------------------------------- */

static const struct hostile_layer { const char *title; struct tar_spec entries[4]; const char *error; } layers[] = {
	{ "a whiteout of nothing", { { .name = ".wh." } }, "entry '.wh.': a whiteout of nothing" },
	{ "a whiteout of the folder itself", { { .name = "d/.wh.." } }, "entry 'd/.wh..': a whiteout of nothing" },
	{ "a whiteout of the folder above", { { .name = "d/.wh..." } }, "entry 'd/.wh...': a whiteout of nothing" },
	{ "a whiteout above the root", { { .name = "../.wh.etc" } }, "entry '../.wh.etc': its path climbs out of the root" },
	{ "an opaque mark above the root", { { .name = "d/../../.wh..wh..opq" } }, "entry 'd/../../.wh..wh..opq': its path climbs out of the root" },
	{ "a whiteout through a link to the host", { { .name = "l", .type = '2', .link = "/etc" }, { .name = "l/.wh.passwd" } },
	  "entry 'l/.wh.passwd': 'l' is a link that leads to no folder" },
	{ "an opaque mark through a link to the host", { { .name = "l", .type = '2', .link = "../../../../etc" }, { .name = "l/.wh..wh..opq" } },
	  "entry 'l/.wh..wh..opq': 'l' is a link that leads to no folder" },
	{ "an opaque mark in a file", { { .name = "f", .data = "x" }, { .name = "f/.wh..wh..opq" } }, "entry 'f/.wh..wh..opq': folder 'f': Not a directory" },
	{ "overlayfs' own whiteout", { { .name = "w", .type = '3' } }, "entry 'w': a character device 0,0" },
	{ "a hard link to a whiteout", { { .name = ".wh.w" }, { .name = "h", .type = '1', .link = "w" } },
	  "entry 'h': hard link to 'w', which this layer removes" },
	{ "a hard link to a mark", { { .name = ".wh.w" }, { .name = "h", .type = '1', .link = ".wh.w" } },
	  "entry 'h': hard link to '.wh.w': No such file or directory" },
	{ "a hard link into another layer", { { .name = "h", .type = '1', .link = "usr/bin/sudo" } },
	  "entry 'h': hard link to 'usr/bin/sudo': No such file or directory" },
	{ "a hard link to the host", { { .name = "h", .type = '1', .link = "../../../../../etc/shadow" } },
	  "entry 'h': its hard link target '../../../../../etc/shadow' is outside of the root, or the root" },
	{ "a file through a link to the host", { { .name = "l", .type = '2', .link = "/tmp" }, { .name = "l/x", .data = "x" } },
	  "entry 'l/x': 'l' is a link that leads to no folder" },
	{ "a file below a whiteout below a file", { { .name = "f", .data = "x" }, { .name = "f/.wh.a" } }, "entry 'f/.wh.a': folder 'f': Not a directory" },
	{ "a device below a whiteout that is a link", { { .name = "a", .type = '2', .link = "a" }, { .name = "a/.wh.b" } },
	  "entry 'a/.wh.b': folder 'a': " },
};

TEST_TIMEOUT(image_load_refuses_hostile_layers_in_one_line_each, 600)
{
	struct store_lab lab;

	store_lab_init(&lab);
	store_lab_open(&lab);
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		CLEANUP(buf_finip) struct buf layer = BUF_INIT, tar = BUF_INIT;
		struct build build;

		for (size_t n = 0; n < 4 && layers[i].entries[n].name; n++)
			tar_builder_add(&layer, &layers[i].entries[n]);
		tar_builder_end(&layer);
		build_init(&build);
		build_add_file(&build, "a", "good", BUILD_PLAIN);
		build_add_layer(&build, &layer, i % 3);
		build_seal(&build, "linux/amd64", "");
		build_oci(&tar, &build, "evil:1");
		CLEANUP(str_freep) char *error = str_printf("layer sha256:%.12s: %s", build.layers[1].digest, layers[i].error);
		EXPECT(!store_lab_load(&lab, &tar, NULL));
		if (!str_starts(lab.err.text, error))
			EXPECT_STR(lab.err.text, error);
		EXPECT(!strchr(lab.err.text, '\n'));
		expect_nothing_left(&lab);
		build_fini(&build);
	}
	store_lab_fini(&lab);
}
