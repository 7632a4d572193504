// Podnet is the network of a kind cluster's pods. On each node it tells the container runtime of the node's range of
// addresses, and the kernel of the way to every other node's; what pods send out of the cluster bears the node's address.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/vishvananda/netlink"
)

const (
	conflist = "/etc/cni/net.d/10-pods.conflist"
	uplink   = "eth0"
	// ours marks the routes that we made, as other daemons mark theirs (see /etc/iproute2/rt_protos).
	ours = 115
	// resync is how often everything is set again, whatever became of it.
	resync = time.Minute
	// again is how long it waits after a failure.
	again = 2 * time.Second
)

func main() {
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(stopped, os.Getenv("NODE_NAME"), os.Getenv("POD_SUBNET")); err != nil {
		fmt.Fprintln(os.Stderr, "podnet:", err)
		os.Exit(1)
	}
}

func run(stopped context.Context, own, subnets string) error {
	if err := masquerade(subnets); err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, resync)
	nodes := factory.Core().V1().Nodes()
	changed := make(chan struct{}, 1)
	tell := func() {
		select {
		case changed <- struct{}{}:
		default: // told already, and not looked yet
		}
	}
	_, err = nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { tell() },
		UpdateFunc: func(any, any) { tell() },
		DeleteFunc: func(any) { tell() },
	})
	if err != nil {
		return err
	}
	factory.Start(stopped.Done())
	factory.WaitForCacheSync(stopped.Done())
	for {
		select {
		case <-stopped.Done():
			return nil
		case <-changed:
			known, err := nodes.Lister().List(labels.Everything())
			if err == nil {
				err = settle(own, known)
			}
			if err != nil { // a link may be down for a while
				fmt.Fprintln(os.Stderr, "podnet:", err)
				time.AfterFunc(again, tell)
			}
		}
	}
}

// settle makes this node's configuration and routes those of the nodes that are known.
func settle(own string, nodes []*v1.Node) error {
	link, err := netlink.LinkByName(uplink)
	if err != nil {
		return fmt.Errorf("%s: %w", uplink, err)
	}
	wanted := map[string]netlink.Route{}
	for _, node := range nodes {
		pods := podRange(node)
		if pods == nil {
			continue
		}
		route := netlink.Route{Dst: pods, Protocol: ours, Table: syscall.RT_TABLE_MAIN}
		if node.Name == own {
			if err := configure(pods, link.Attrs().MTU); err != nil {
				return err
			}
			// What is sent to a pod that is gone ends here, instead of going back and forth between node and router.
			route.Type = syscall.RTN_BLACKHOLE
		} else if route.Gw = address(node); route.Gw == nil {
			continue
		} else {
			route.LinkIndex = link.Attrs().Index
		}
		wanted[pods.String()] = route
	}
	return setRoutes(wanted)
}

// setRoutes sets these routes, and removes those that we made before and that are not among them.
func setRoutes(wanted map[string]netlink.Route) error {
	for text, route := range wanted {
		if err := netlink.RouteReplace(&route); err != nil {
			return fmt.Errorf("route to %s: %w", text, err)
		}
	}
	filter := &netlink.Route{Protocol: ours, Table: syscall.RT_TABLE_MAIN}
	found, err := netlink.RouteListFiltered(netlink.FAMILY_V4, filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("listing routes: %w", err)
	}
	for _, route := range found {
		if _, keep := wanted[route.Dst.String()]; keep {
			continue
		}
		if err := netlink.RouteDel(&route); err != nil {
			return fmt.Errorf("removing the route to %s: %w", route.Dst, err)
		}
	}
	return nil
}

// configure writes what the container runtime gives to the CNI plugins. Without the file the node is not ready.
func configure(pods *net.IPNet, mtu int) error {
	type object = map[string]any
	ipam := object{
		"type":    "host-local",
		"dataDir": "/run/cni/networks", // a node that starts anew has none of its old pods
		"ranges":  [][]object{{{"subnet": pods.String()}}},
		"routes":  []object{{"dst": "0.0.0.0/0"}},
	}
	text, err := json.MarshalIndent(object{
		"cniVersion": "1.0.0",
		"name":       "pods",
		"plugins": []object{
			{"type": "ptp", "mtu": mtu, "ipam": ipam},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", " ")
	if err != nil {
		return err
	}
	if there, err := os.ReadFile(conflist); err == nil && string(there) == string(text) {
		return nil
	}
	partial := filepath.Join(filepath.Dir(conflist), ".partial") // the runtime reads no file that is called so
	if err := os.WriteFile(partial, text, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, conflist)
}

// masquerade gives the node's own address to what pods send out of the cluster.
func masquerade(subnets string) error {
	pods := ""
	for _, subnet := range strings.Split(subnets, ",") {
		if address, _, err := net.ParseCIDR(subnet); err == nil && address.To4() != nil {
			pods = subnet
		}
	}
	if pods == "" {
		return fmt.Errorf("POD_SUBNET=%q has no IPv4 range: only IPv4 clusters have this network", subnets)
	}
	rules := fmt.Sprintf(`
table ip podnet
delete table ip podnet
table ip podnet {
  chain out {
    type nat hook postrouting priority srcnat
    oifname %q ip saddr %s ip daddr != %[2]s masquerade
  }
}`, uplink, pods)
	nft := exec.Command("nft", "--file", "-")
	nft.Stdin = strings.NewReader(rules)
	if said, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, said)
	}
	return nil
}

// podRange is the node's IPv4 range of pod addresses; nil until it has one.
func podRange(node *v1.Node) *net.IPNet {
	for _, text := range node.Spec.PodCIDRs {
		if address, found, err := net.ParseCIDR(text); err == nil && address.To4() != nil {
			return found
		}
	}
	return nil
}

// address is the node's own IPv4 address; nil until it has told one.
func address(node *v1.Node) net.IP {
	for _, one := range node.Status.Addresses {
		if ip := net.ParseIP(one.Address).To4(); one.Type == v1.NodeInternalIP && ip != nil {
			return ip
		}
	}
	return nil
}
