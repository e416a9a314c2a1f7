package trusttest

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strconv"
)

// The answers of the Query protocol
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html,
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization).

// members is a list as the Query protocol writes it: present even when it is empty.
type members[T any] struct {
	Member []T `xml:"member"`
}

func list[T any](items []T) *members[T] { return &members[T]{Member: items} }

// writeResult answers with ACTIONResponse around ACTIONResult around result; an operation
// without output (nil) has no ACTIONResult.
func writeResult(w http.ResponseWriter, c *call, result any) {
	var body bytes.Buffer
	body.WriteString(xml.Header)
	enc := xml.NewEncoder(&body)
	root := element(c.action+"Response", xml.Attr{Name: xml.Name{Local: "xmlns"}, Value: c.service.namespace})
	meta := struct{ RequestId string }{c.requestID}
	err := enc.EncodeToken(root)
	if err == nil && result != nil {
		err = enc.EncodeElement(result, element(c.action+"Result"))
	}
	if err == nil {
		err = enc.EncodeElement(meta, element("ResponseMetadata"))
	}
	if err == nil {
		err = enc.EncodeToken(root.End())
	}
	if err == nil {
		err = enc.Flush()
	}
	if err != nil {
		writeRefusal(w, c, refuse(http.StatusInternalServerError, "ServiceFailure", "the answer could not be encoded"))
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	write(w, c.requestID, http.StatusOK, body.Bytes())
}

func writeRefusal(w http.ResponseWriter, c *call, r *refusal) {
	type detail struct {
		Type    string
		Code    string
		Message string
	}
	fault := "Sender"
	if r.status >= 500 {
		fault = "Receiver"
	}
	answer := struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Error     detail
		RequestId string
	}{Namespace: c.service.namespace, Error: detail{fault, r.code, r.message}, RequestId: c.requestID}
	body, _ := xml.Marshal(answer) // strings only: it cannot fail
	w.Header().Set("Content-Type", "text/xml")
	write(w, c.requestID, r.status, body)
}

func write(w http.ResponseWriter, requestID string, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amzn-Requestid", requestID)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone does not want it
}

func element(name string, attrs ...xml.Attr) xml.StartElement {
	return xml.StartElement{Name: xml.Name{Local: name}, Attr: attrs}
}
