package ceph

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// configuration is the smallest cluster that a gateway runs on: one monitor, one store that
// keeps its objects in memory, no authentication between them, nothing outside loopback.
func (l layout) configuration() string {
	return strings.NewReplacer("$DIR", l.dir).Replace(fmt.Sprintf(`[global]
fsid = %s
auth cluster required = none
auth service required = none
auth client required = none
mon host = v2:127.0.0.1:%d/0
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = $DIR/run
admin socket = $DIR/run/$name.asok
pid file = $DIR/run/$name.pid
log file = $DIR/log/$name.log
mon cluster log file = $DIR/log/cluster.log
mon data = $DIR/mon.a
mon allow pool size one = true
mon data avail crit = 1
osd data = $DIR/osd.0
osd objectstore = memstore
memstore device bytes = 1073741824
osd class load list = *
osd class default list = *
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
ms mon client mode = crc
[client.rgw]
rgw data = $DIR/rgw
rgw frontends = beast endpoint=127.0.0.1:%d
rgw enable apis = s3, iam, sts, admin
rgw s3 auth use sts = true
rgw sts key = %s
rgw verify ssl = false
`, l.fsid, l.monitorPort, l.gatewayPort, randomHex(8)))
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// newUUID makes a version 4 UUID (RFC 9562 §5.4).
func newUUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
