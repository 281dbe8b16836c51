package orderdock

import (
	"fmt"

	contract "orderdock/bindings/imports/orderdock_plugin_types"
)

// Accepted says that the ERP has the order. Empty texts are none.
func Accepted(erpOrderID, erpOrderNumber, message string, warnings ...string) Verdict {
	return contract.MakeVerdictAccepted(acceptance(erpOrderID, erpOrderNumber, message, warnings))
}

// AlreadyThere says that the ERP had it already.
func AlreadyThere(erpOrderID, erpOrderNumber, message string) Verdict {
	return contract.MakeVerdictAlreadyThere(acceptance(erpOrderID, erpOrderNumber, message, nil))
}

func acceptance(id, number, message string, warnings []string) contract.Acceptance {
	return contract.Acceptance{
		ErpOrderId: some(id), ErpOrderNumber: some(number), Message: some(message), Warnings: warnings,
	}
}

// Rejected says that the ERP refused it. The class is contract.RefusalClass_….
func Rejected(class uint8, form string, values ...any) Verdict {
	return contract.MakeVerdictRejected(contract.Refusal{Class: class, Message: fmt.Sprintf(form, values...)})
}

// RetryLater says that provably nothing was done. Set After of the postponement to say when to come back.
func RetryLater(postponement contract.Postponement) Verdict { return contract.MakeVerdictRetryLater(postponement) }

// NotFound answers a look-up: the ERP does not have it.
func NotFound() Verdict { return contract.MakeVerdictNotFound() }

// Unknown says that nobody can tell.
func Unknown(form string, values ...any) Verdict {
	return contract.MakeVerdictUnknown(contract.Doubt{Message: fmt.Sprintf(form, values...)})
}

// HeaderOf is the first header of this name (lower case), or empty.
func HeaderOf(answer HTTPResponse, name string) string {
	for _, header := range answer.Headers {
		if header.F0 == name {
			return header.F1
		}
	}
	return ""
}

// ByDefault is the host's own reading as a verdict, with the ERP's words where it said some.
func ByDefault(response Response, words string) Verdict {
	said := func(otherwise string) string {
		if words != "" {
			return words
		}
		return otherwise + came(response.Content)
	}
	switch response.DefaultVerdict {
	case contract.DefaultVerdict_Accepted:
		return Accepted("", "", words)
	case contract.DefaultVerdict_Rejected:
		return Rejected(contract.RefusalClass_Data, "%s", said("the ERP refused it: "))
	case contract.DefaultVerdict_RetryLater:
		return RetryLater(contract.Postponement{Message: said("the ERP asks to come back later: ")})
	default:
		return Unknown("%s", said("the ERP's answer does not tell: "))
	}
}

func came(content contract.ResponseContent) string {
	switch content.Tag() {
	case contract.ResponseContent_Http:
		return fmt.Sprintf("HTTP status %d", content.Http().Status)
	case contract.ResponseContent_FilesWritten:
		return fmt.Sprintf("%d files written", len(content.FilesWritten().Names))
	case contract.ResponseContent_AnswerFile:
		return fmt.Sprintf("file %s in folder %s", content.AnswerFile().Name, content.AnswerFile().Folder)
	default:
		return "no answer in time"
	}
}
