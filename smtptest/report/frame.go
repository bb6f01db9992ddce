package report

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// What is taken into a frame.
const (
	maxHTML   = 1 << 20 // octets
	maxImages = 8 << 20 // octets of all cid: images of a message
)

// frameHead comes before the mail in its frame. The frame's sandbox attribute
// stops scripts, forms, pop-ups and the way out; this stops what is loaded. The
// page has a policy of the same kind, which the frame inherits and which also
// stops a link from leading the frame elsewhere.
const frameHead = `<!DOCTYPE html><meta charset="utf-8">` +
	`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">` +
	`<meta name="referrer" content="no-referrer"><meta http-equiv="x-dns-prefetch-control" content="off">` +
	`<style>html{color-scheme:light;background:#fff;overflow-wrap:anywhere}img{max-width:100%}</style>`

// document is the mail as the document of its frame, with the images that came
// with it.
func document(html string, attached []smtptest.Attachment) string {
	return frameHead + visible(embed(callers.ReplaceAllString(html, "<x-$1"), attached))
}

// callers are elements for which a browser opens a connection before it asks
// the policy: preconnect, and the address of a frame within the frame.
var callers = regexp.MustCompile(`(?i)<(link|iframe|frame|object|embed)\b`)

var cids = regexp.MustCompile(`(?i)\bcid:([^"'\s>)]+)`)

// pictures are the types that are shown. An image element runs no script of an
// SVG.
var pictures = map[string]bool{
	"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true,
	"image/bmp": true, "image/avif": true, "image/svg+xml": true,
}

// embed puts attached images in the place of their cid: addresses (RFC 2392).
func embed(html string, attached []smtptest.Attachment) string {
	images := make(map[string]smtptest.Attachment)
	for _, a := range attached {
		if _, twice := images[a.ContentID]; !twice && pictures[a.ContentType] {
			images[a.ContentID] = a
		}
	}
	total := 0
	return cids.ReplaceAllStringFunc(html, func(address string) string {
		id := address[len("cid:"):]
		if unescaped, err := url.PathUnescape(id); err == nil {
			id = unescaped
		}
		a, found := images[id]
		if total += len(a.Data); !found || id == "" || total > maxImages {
			return address
		}
		return "data:" + a.ContentType + ";base64," + base64.StdEncoding.EncodeToString([]byte(a.Data))
	})
}

var loads = regexp.MustCompile(`(?i)(?:\b(?:src|srcset|background|poster|data)\s*=\s*["']?\s*|url\(\s*["']?|@import\s+["']?)(?:https?:)?//`)

// remote says that the mail would load something from elsewhere, so that a
// reader is told why it is missing.
func remote(html string) bool { return strings.Contains(html, "//") && loads.MatchString(html) }
