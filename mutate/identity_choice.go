package mutate

import (
	"errors"
	"strconv"
)

// Switch is a setting of an account or a pod that can also be left to [Config].
type Switch uint8

const (
	// AsConfigured leaves it to Config.
	AsConfigured Switch = iota
	// On is yes.
	On
	// Off is no, whatever Config says.
	Off
)

// choice is a setting that Config, the account and the pod each may have, the pod before the
// account and the account before Config.
type choice uint8

const (
	sessionNameChoice choice = iota
	ec2MetadataChoice
	dualStackChoice
	fipsChoice
	choiceCount
)

// choices are what one of the three says: a SessionName or a Switch each, 0 for nothing.
type choices [choiceCount]uint8

// choiceAnnotations are their annotations, without the prefix.
var choiceAnnotations = [choiceCount]string{
	AnnotationSessionName, AnnotationDisableEC2Metadata, AnnotationUseDualStackEndpoint, AnnotationUseFIPSEndpoint,
}

// or fills what c leaves open.
func (c choices) or(otherwise choices) choices {
	for i := range c {
		if c[i] == 0 {
			c[i] = otherwise[i]
		}
	}
	return c
}

func (c Config) choices() choices {
	onOff := func(on bool) uint8 {
		if on {
			return uint8(On)
		}
		return uint8(Off)
	}
	return choices{uint8(c.SessionName), onOff(c.DisableEC2Metadata), onOff(c.UseDualStackEndpoint), onOff(c.UseFIPSEndpoint)}
}

func (id Identity) choices() choices {
	return choices{uint8(id.SessionName), uint8(id.DisableEC2Metadata), uint8(id.UseDualStackEndpoint), uint8(id.UseFIPSEndpoint)}
}

func (id *Identity) setChoices(c choices) {
	id.SessionName = SessionName(c[sessionNameChoice])
	id.DisableEC2Metadata = Switch(c[ec2MetadataChoice])
	id.UseDualStackEndpoint, id.UseFIPSEndpoint = Switch(c[dualStackChoice]), Switch(c[fipsChoice])
}

func (c choices) check() error {
	if c[sessionNameChoice] > uint8(SessionNameOmitted) {
		return errors.New("SessionName " + strconv.Itoa(int(c[sessionNameChoice])) + " is unknown")
	}
	for _, s := range c[ec2MetadataChoice:] {
		if s > uint8(Off) {
			return errors.New("Switch " + strconv.Itoa(int(s)) + " is unknown")
		}
	}
	return nil
}

// sessionNames are the values of the annotation session-name.
var sessionNames = [...]string{SessionNamePodUID: "pod-uid", SessionNamePodName: "pod-name", SessionNameOmitted: "none"}

// parse reads an annotation's value; want is what would have been right.
func (k choice) parse(value string) (c uint8, want string) {
	if k == sessionNameChoice {
		for i, name := range sessionNames {
			if value == name && name != "" {
				return uint8(i), ""
			}
		}
		return 0, `"pod-uid", "pod-name" or "none"`
	}
	on, err := strconv.ParseBool(value)
	switch {
	case err != nil:
		return 0, `"true" or "false"`
	case on:
		return uint8(On), ""
	}
	return uint8(Off), ""
}

// format is the inverse of parse.
func (k choice) format(c uint8) string {
	if k == sessionNameChoice {
		return sessionNames[c]
	}
	return strconv.FormatBool(Switch(c) == On)
}

// adds are the variables that a choice adds to a pod.
func (k choice) adds(c uint8, v *view) envSet {
	switch {
	case k != sessionNameChoice && Switch(c) == On:
		return choiceVars[k].set()
	case k != sessionNameChoice:
		return 0
	case SessionName(c) == SessionNamePodName && v.nameFits:
		return envSessionByName.set()
	case SessionName(c) == SessionNamePodName, SessionName(c) == SessionNamePodUID:
		return envSessionByUID.set()
	}
	return 0
}
