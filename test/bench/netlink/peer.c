/*
 * What C takes for what the netlink benchmarks measure, written as one would write it: one socket, one buffer, the
 * attributes found by type and the fields that a Link has copied out.
 *
 *   peer roundtrip INDEX ROUNDS   RTM_GETLINK of one link
 *   peer dump ROUNDS              RTM_GETLINK of all links
 *
 * Prints one line for each round: nanoseconds and how many links were read.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_ATTRIBUTES 80

struct link {
  int index, parent_namespace;
  unsigned flags, promiscuity, all_multicast, carrier_ups, carrier_downs, mtu, min_mtu, max_mtu, group, master, parent;
  unsigned transmit_queues, receive_queues, queue_length;
  unsigned gso_max_size, gso_ipv4_max_size, gso_max_segments, gro_max_size, gro_ipv4_max_size;
  unsigned tso_max_size, tso_max_segments;
  unsigned char oper_state, is_protocol_down, mac[32], permanent_mac[32], port_id[32], switch_id[32];
  char name[16], kind[16], port_kind[16], alias[256], port_name[64], bus[64], device[64];
  unsigned long long statistics[8];
};

static char buffer[131072];
static struct link links[4096];
static unsigned sequence = 1;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void index_attributes(struct rtattr **found, struct rtattr *attribute, int left) {
  memset(found, 0, MOST_ATTRIBUTES * sizeof *found);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    unsigned type = attribute->rta_type & NLA_TYPE_MASK;
    if (type < MOST_ATTRIBUTES) found[type] = attribute;
  }
}

static unsigned read_number(struct rtattr *attribute, unsigned otherwise) {
  return attribute == NULL ? otherwise : *(unsigned *)RTA_DATA(attribute);
}

static void read_text(struct rtattr *attribute, char *text, size_t size) {
  text[0] = 0;
  if (attribute != NULL) strncpy(text, RTA_DATA(attribute), size - 1);
}

static void read_bytes(struct rtattr *attribute, unsigned char *bytes, size_t size) {
  if (attribute != NULL) memcpy(bytes, RTA_DATA(attribute), RTA_PAYLOAD(attribute) < size ? RTA_PAYLOAD(attribute) : size);
}

static void decode(struct nlmsghdr *message, struct link *link) {
  struct rtattr *found[MOST_ATTRIBUTES], *info[MOST_ATTRIBUTES];
  struct ifinfomsg *header = NLMSG_DATA(message);
  index_attributes(found, IFLA_RTA(header), IFLA_PAYLOAD(message));
  memset(link, 0, sizeof *link);
  link->index = header->ifi_index;
  link->flags = header->ifi_flags;
  read_text(found[IFLA_IFNAME], link->name, sizeof link->name);
  if (found[IFLA_LINKINFO] != NULL) {
    index_attributes(info, RTA_DATA(found[IFLA_LINKINFO]), RTA_PAYLOAD(found[IFLA_LINKINFO]));
    read_text(info[IFLA_INFO_KIND], link->kind, sizeof link->kind);
    read_text(info[IFLA_INFO_SLAVE_KIND], link->port_kind, sizeof link->port_kind);
  }
  link->promiscuity = read_number(found[IFLA_PROMISCUITY], 0);
  link->all_multicast = read_number(found[61], 0);
  link->carrier_ups = read_number(found[IFLA_CARRIER_UP_COUNT], 0);
  link->carrier_downs = read_number(found[IFLA_CARRIER_DOWN_COUNT], 0);
  link->mtu = read_number(found[IFLA_MTU], 0);
  link->min_mtu = read_number(found[IFLA_MIN_MTU], 0);
  link->max_mtu = read_number(found[IFLA_MAX_MTU], 0);
  link->group = read_number(found[IFLA_GROUP], 0);
  link->master = read_number(found[IFLA_MASTER], 0);
  link->parent = read_number(found[IFLA_LINK], 0);
  link->parent_namespace = read_number(found[IFLA_LINK_NETNSID], -1);
  link->transmit_queues = read_number(found[IFLA_NUM_TX_QUEUES], 1);
  link->receive_queues = read_number(found[IFLA_NUM_RX_QUEUES], 1);
  link->queue_length = read_number(found[IFLA_TXQLEN], 0);
  link->gso_max_size = read_number(found[IFLA_GSO_MAX_SIZE], 65536);
  link->gso_ipv4_max_size = read_number(found[63], link->gso_max_size);
  link->gso_max_segments = read_number(found[IFLA_GSO_MAX_SEGS], 65535);
  link->gro_max_size = read_number(found[58], 65536);
  link->gro_ipv4_max_size = read_number(found[64], link->gro_max_size);
  link->tso_max_size = read_number(found[59], 65536);
  link->tso_max_segments = read_number(found[60], 65535);
  if (found[IFLA_OPERSTATE] != NULL) link->oper_state = *(unsigned char *)RTA_DATA(found[IFLA_OPERSTATE]);
  if (found[IFLA_PROTO_DOWN] != NULL) link->is_protocol_down = *(unsigned char *)RTA_DATA(found[IFLA_PROTO_DOWN]);
  read_bytes(found[IFLA_ADDRESS], link->mac, sizeof link->mac);
  read_bytes(found[IFLA_PERM_ADDRESS], link->permanent_mac, sizeof link->permanent_mac);
  read_bytes(found[IFLA_PHYS_PORT_ID], link->port_id, sizeof link->port_id);
  read_bytes(found[IFLA_PHYS_SWITCH_ID], link->switch_id, sizeof link->switch_id);
  read_text(found[IFLA_IFALIAS], link->alias, sizeof link->alias);
  read_text(found[IFLA_PHYS_PORT_NAME], link->port_name, sizeof link->port_name);
  read_text(found[56], link->device, sizeof link->device);
  read_text(found[57], link->bus, sizeof link->bus);
  if (found[IFLA_STATS64] != NULL) memcpy(link->statistics, RTA_DATA(found[IFLA_STATS64]), sizeof link->statistics);
}

/* Sends one request and decodes its answer; gives how many links there were. */
static int ask(int socket, int index, int is_dump) {
  struct {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr mask;
    unsigned filter;
  } request = {
    .header = {
      .nlmsg_len = is_dump ? sizeof request : NLMSG_LENGTH(sizeof(struct ifinfomsg)),
      .nlmsg_type = RTM_GETLINK,
      .nlmsg_flags = NLM_F_REQUEST | (is_dump ? NLM_F_DUMP : 0),
      .nlmsg_seq = ++sequence,
    },
    .link = {.ifi_index = index},
    .mask = {.rta_len = 8, .rta_type = IFLA_EXT_MASK},
    .filter = RTEXT_FILTER_SKIP_STATS,
  };
  if (send(socket, &request, request.header.nlmsg_len, 0) < 0) fail("send");
  int count = 0;
  for (;;) {
    struct sockaddr_nl sender;
    socklen_t length = sizeof sender;
    int left = recvfrom(socket, buffer, sizeof buffer, MSG_TRUNC, (struct sockaddr *)&sender, &length);
    if (left < 0) fail("recvfrom");
    if (sender.nl_pid != 0) continue;
    for (struct nlmsghdr *message = (void *)buffer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != sequence) continue;
      if (message->nlmsg_type == NLMSG_DONE) return count;
      if (message->nlmsg_type == NLMSG_ERROR) {
        fprintf(stderr, "the kernel refused: %d\n", ((struct nlmsgerr *)NLMSG_DATA(message))->error);
        exit(1);
      }
      decode(message, &links[count++ % 4096]);
      if (!is_dump) return count;
    }
  }
}

int main(int count, char **words) {
  int is_dump = count == 3 && strcmp(words[1], "dump") == 0;
  if (!is_dump && !(count == 4 && strcmp(words[1], "roundtrip") == 0)) {
    fprintf(stderr, "usage: peer roundtrip INDEX ROUNDS | peer dump ROUNDS\n");
    return 2;
  }
  int index = is_dump ? 0 : atoi(words[2]);
  int rounds = atoi(words[count - 1]);
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("socket");
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  for (int round = 0; round < rounds; round++) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int read = ask(fd, index, is_dump);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%lld %d\n", (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec, read);
  }
  return 0;
}
