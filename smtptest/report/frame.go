package report

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// What is taken into a frame.
const (
	maxHTML   = 1 << 20 // octets
	maxImages = 8 << 20 // octets of all images of a message
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
func document(html string, images *images) string {
	return frameHead + visible(images.embed(callers.ReplaceAllString(html, "<x-$1")))
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

// images are the pictures that came with a message.
type images struct {
	byID map[string]smtptest.Attachment
	left int // octets that may still be shown
}

func newImages(attached []smtptest.Attachment) *images {
	all := &images{map[string]smtptest.Attachment{}, maxImages}
	for _, a := range attached {
		if _, twice := all.byID[a.ContentID]; !twice && pictures[a.ContentType] && a.ContentID != "" {
			all.byID[a.ContentID] = a
		}
	}
	return all
}

// take reports whether the content is a picture that may be shown, and counts it.
func (i *images) take(contentType, data string) bool {
	if !pictures[contentType] || len(data) > i.left {
		return false
	}
	i.left -= len(data)
	return true
}

// embed puts images in the place of their cid: addresses (RFC 2392).
func (i *images) embed(html string) string {
	return cids.ReplaceAllStringFunc(html, func(cid string) string {
		id := cid[len("cid:"):]
		if unescaped, err := url.PathUnescape(id); err == nil {
			id = unescaped
		}
		if a, found := i.byID[id]; found && i.take(a.ContentType, a.Data) {
			return address(a.ContentType, a.Data)
		}
		return cid
	})
}

var loads = regexp.MustCompile(`(?i)(?:\b(?:src|srcset|background|poster|data)\s*=\s*["']?\s*|url\(\s*["']?|@import\s+["']?)(?:https?:)?//`)

// remote says that the mail would load something from elsewhere, so that a
// reader is told why it is missing.
func remote(html string) bool { return strings.Contains(html, "//") && loads.MatchString(html) }
