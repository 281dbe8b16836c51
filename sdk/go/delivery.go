package orderdock

import (
	contract "orderdock/bindings/imports/orderdock_plugin_types"
)

// Text is a piece of a header, a body or a file.
func Text(text string) contract.Segment { return contract.MakeSegmentBytes([]byte(text)) }

// Secret is a place that the host fills with the secret of this slot. Encode is contract.SecretEncoding_….
func Secret(slot string, encode uint8) contract.Segment {
	return contract.MakeSegmentSecret(contract.Secret{Slot: slot, Encode: encode})
}

// Header makes a header of texts and secrets.
func Header(name string, value ...contract.Segment) contract.Header { return contract.Header{Name: name, Value: value} }

// HTTP makes a request that is never repeated. Set the other fields of the request before it is wrapped by Deliver.
func HTTP(method, path, contentType string, body []byte) HTTPDelivery {
	request := HTTPDelivery{Method: method, Path: path, ContentType: some(contentType), Repeat: contract.MakeRepeatNever()}
	if len(body) > 0 {
		request.Body = []contract.Segment{contract.MakeSegmentBytes(body)}
	}
	return request
}

// Deliver wraps a request as a delivery, with notes for the timeline.
func Deliver(request HTTPDelivery, notes ...string) Delivery {
	return Delivery{Content: contract.MakeDeliveryContentHttp(request), Notes: notes}
}

// File makes a file of texts and secrets.
func File(name string, content ...contract.Segment) contract.File { return contract.File{Name: name, Content: content} }

// DeliverFiles makes a delivery of files, renamed into place in this order.
func DeliverFiles(files ...contract.File) Delivery {
	return Delivery{Content: contract.MakeDeliveryContentFiles(contract.FileDelivery{Files: files})}
}
