// franz-go and Sarama against a broker: prints one "ok STEP" or "FAIL STEP: why" a line.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func step(name string, f func() error) {
	if err := f(); err != nil {
		fmt.Printf("FAIL %s: %v\n", name, err)
	} else {
		fmt.Printf("ok %s\n", name)
	}
}

func franz(bootstrap, prefix string) {
	topic := prefix + "-franz"
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		fmt.Println("FAIL franz connect:", err)
		return
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	step("franz create", func() error {
		_, err := adm.CreateTopic(ctx, 3, 1, nil, topic)
		return err
	})
	step("franz create again is refused", func() error {
		_, err := adm.CreateTopic(ctx, 3, 1, nil, topic)
		if !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	})
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	for name, codec := range codecs {
		step("franz produce "+name, func() error {
			p, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic(topic))
			if err != nil {
				return err
			}
			defer p.Close()
			var records []*kgo.Record
			for i := 0; i < 200; i++ {
				records = append(records, &kgo.Record{Key: []byte(fmt.Sprint(i)), Value: []byte(fmt.Sprintf("%s-%d", name, i))})
			}
			return p.ProduceSync(ctx, records...).FirstErr()
		})
	}
	consume := func(want int) (int, error) {
		c, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(prefix+"-fg"), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
		if err != nil {
			return 0, err
		}
		defer c.Close()
		n := 0
		for n < want {
			fs := c.PollFetches(ctx)
			if err := fs.Err(); err != nil {
				return n, err
			}
			n += fs.NumRecords()
		}
		return n, c.CommitUncommittedOffsets(ctx)
	}
	step("franz consume by group and commit", func() error {
		n, err := consume(1000)
		if err == nil && n != 1000 {
			err = fmt.Errorf("%d records", n)
		}
		return err
	})
	step("franz resume after the commit", func() error {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("late")}).FirstErr(); err != nil {
			return err
		}
		n, err := consume(1)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d records", n)
		}
		return err
	})
	step("franz list, describe and lag", func() error {
		lags, err := adm.Lag(ctx, prefix+"-fg")
		if err != nil {
			return err
		}
		l := lags[prefix+"-fg"]
		if l.Error() != nil || l.Lag.Total() != 0 {
			return fmt.Errorf("lag %v %v", l.Lag.Total(), l.Error())
		}
		return nil
	})
	step("franz delete", func() error {
		if _, err := adm.DeleteGroups(ctx, prefix+"-fg"); err != nil {
			return err
		}
		_, err := adm.DeleteTopics(ctx, topic)
		return err
	})
}

type handler struct {
	n, want int
	done    chan struct{}
}

func (h *handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (h *handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h *handler) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for m := range c.Messages() {
		s.MarkMessage(m, "")
		h.done <- struct{}{}
	}
	return nil
}

func saramaRun(bootstrap, prefix string) {
	topic := prefix + "-sarama"
	conf := func() *sarama.Config {
		c := sarama.NewConfig()
		c.Version = sarama.V3_6_0_0
		c.Producer.Return.Successes = true
		c.Consumer.Offsets.Initial = sarama.OffsetOldest
		return c
	}
	adm, err := sarama.NewClusterAdmin([]string{bootstrap}, conf())
	if err != nil {
		fmt.Println("FAIL sarama connect:", err)
		return
	}
	defer adm.Close()
	step("sarama create", func() error {
		return adm.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1}, false)
	})
	codecs := map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}
	for name, codec := range codecs {
		step("sarama produce "+name, func() error {
			c := conf()
			c.Producer.Compression = codec
			c.Producer.RequiredAcks = sarama.WaitForAll
			p, err := sarama.NewSyncProducer([]string{bootstrap}, c)
			if err != nil {
				return err
			}
			defer p.Close()
			var ms []*sarama.ProducerMessage
			for i := 0; i < 200; i++ {
				ms = append(ms, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprint(i)), Value: sarama.StringEncoder(fmt.Sprintf("%s-%d", name, i))})
			}
			return p.SendMessages(ms)
		})
	}
	step("sarama consume by group and commit", func() error {
		g, err := sarama.NewConsumerGroup([]string{bootstrap}, prefix+"-sg", conf())
		if err != nil {
			return err
		}
		defer g.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		h := &handler{done: make(chan struct{}, 2000)}
		go func() {
			for ctx.Err() == nil {
				if err := g.Consume(ctx, []string{topic}, h); err != nil {
					return
				}
			}
		}()
		for i := 0; i < 1000; i++ {
			select {
			case <-h.done:
			case <-ctx.Done():
				return fmt.Errorf("only %d records", i)
			}
		}
		return nil
	})
	step("sarama committed offsets", func() error {
		r, err := adm.ListConsumerGroupOffsets(prefix+"-sg", map[string][]int32{topic: {0, 1, 2}})
		if err != nil {
			return err
		}
		var sum int64
		for i := int32(0); i < 3; i++ {
			sum += r.GetBlock(topic, i).Offset
		}
		if sum != 1000 {
			return fmt.Errorf("sum of offsets %d", sum)
		}
		return nil
	})
	step("sarama delete", func() error { return adm.DeleteTopic(topic) })
}

func main() {
	franz(os.Args[1], os.Args[2])
	saramaRun(os.Args[1], os.Args[2])
}
