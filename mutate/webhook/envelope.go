package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/objectsize"
	"github.com/irsa-go/irsa/mutate"
)

var errTooLarge = fmt.Errorf("webhook: the review is %w: it exceeds %d bytes", mutate.ErrTooLarge, objectsize.Review)

// headBytes hold the uid of a review, which the API server writes first.
const headBytes = 4 << 10

// readBody reads a request's body into memory. With errTooLarge comes the beginning of it.
func readBody(r *http.Request, memory *bytes.Buffer) ([]byte, error) {
	if r.Body == nil { // of a request that no server has made
		return nil, errors.New("webhook: it has no body")
	}
	if r.ContentLength > objectsize.Review {
		head, _ := io.ReadAll(io.LimitReader(r.Body, headBytes))
		return head, errTooLarge
	}
	// A length is a promise: what is set aside for it before it is kept has a bound.
	memory.Grow(int(min(max(r.ContentLength, 0), 1<<20)) + bytes.MinRead)
	_, err := memory.ReadFrom(io.LimitReader(r.Body, objectsize.Review+1))
	switch {
	case err != nil || int64(memory.Len()) < r.ContentLength:
		return nil, errors.New("webhook: the body ends early")
	case memory.Len() > objectsize.Review:
		return memory.Bytes()[:headBytes], errTooLarge
	}
	return memory.Bytes(), nil
}

// head is what there must be of a review to refuse it.
type head struct {
	apiVersion, kind string
	uid              types.UID
}

// readHead reads the beginning of a review, as far as it goes.
func readHead(begin []byte) (h head, ok bool) {
	s := jsonscan.New()
	_ = s.Read(begin, len(begin), func() { // which fails where begin ends
		if !s.Object() {
			return
		}
		for s.More() {
			switch string(s.Name()) {
			case "apiVersion":
				h.apiVersion = string(s.Text())
			case "kind":
				h.kind = string(s.Text())
			case "request":
				s.Only("uid", func() { h.uid = types.UID(s.Text()) })
			default:
				s.Skip()
			}
		}
	})
	known := h.apiVersion == "admission.k8s.io/v1" || h.apiVersion == "admission.k8s.io/v1beta1"
	return h, known && h.kind == "AdmissionReview" && h.uid != ""
}

// appendReview writes the answer in the version of the question.
func appendReview(b []byte, apiVersion string, resp *admissionv1.AdmissionResponse) ([]byte, error) {
	if resp.Result == nil && len(resp.Warnings) == 0 && len(resp.AuditAnnotations) == 0 {
		return appendAllowed(b, apiVersion, resp), nil
	}
	doc, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: apiVersion, Kind: "AdmissionReview"},
		Response: resp,
	})
	return append(b, doc...), err
}

// appendAllowed writes the answer that nearly all requests get, without reflection:
//
//	{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":
//	 {"uid":"6c1d4d2f-…","allowed":true,"patch":"W3sib3Ai…","patchType":"JSONPatch"}}
func appendAllowed(b []byte, apiVersion string, resp *admissionv1.AdmissionResponse) []byte {
	b = slices.Grow(b, 256+base64.StdEncoding.EncodedLen(len(resp.Patch)))
	b = append(b, `{"kind":"AdmissionReview","apiVersion":"`...)
	b = append(b, apiVersion...) // one of two
	b = append(b, `","response":{"uid":`...)
	b, _ = jsontext.AppendQuote(b, string(resp.UID)) // it came from JSON
	b = append(b, `,"allowed":`...)
	b = strconv.AppendBool(b, resp.Allowed)
	if len(resp.Patch) > 0 {
		b = append(b, `,"patch":"`...)
		b = base64.StdEncoding.AppendEncode(b, resp.Patch)
		b = append(b, `","patchType":"JSONPatch"`...)
	}
	return append(b, "}}"...)
}
