// kafkajs and @confluentinc/kafka-javascript: prints one "ok STEP" or "FAIL STEP: why" a line.
const [bootstrap, prefix] = process.argv.slice(2)

async function step(name, f) {
  try {
    await f()
    console.log('ok ' + name)
  } catch (e) {
    console.log('FAIL ' + name + ': ' + (e && e.message || e))
  }
}

function assert(c, what) {
  if (!c) throw new Error(what)
}

// Both have the same promise-shaped interface.
async function run(label, kafka, compressions, make) {
  const topic = prefix + '-' + label
  const admin = kafka.admin()
  await admin.connect()
  await step(label + ' create', async () => {
    assert(await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1 }] }), 'not created')
  })
  for (const [name, value] of compressions) {
    await step(label + ' produce ' + name, async () => {
      const producer = make.producer(value)
      await producer.connect()
      const messages = []
      for (let i = 0; i < 200; i++) messages.push({ key: 'k' + i, value: name + '-' + i, headers: { h: name } })
      await producer.send(make.send(topic, messages, value))
      await producer.disconnect()
    })
  }
  const total = compressions.length * 200
  const consume = async (want) => {
    const consumer = make.consumer(prefix + '-' + label + '-g')
    await consumer.connect()
    await consumer.subscribe(make.subscription(topic))
    const got = []
    let full
    const done = new Promise((resolve) => { full = resolve })
    await consumer.run({ eachMessage: async ({ message }) => { got.push(message.value.toString()); if (got.length >= want) full() } })
    const timer = setTimeout(full, 40000)
    await done
    clearTimeout(timer)
    await consumer.disconnect()
    assert(got.length === want, got.length + ' records, wanted ' + want)
    return got
  }
  await step(label + ' consume by group and commit', () => consume(total))
  await step(label + ' resume after the commit', async () => {
    const producer = make.producer(undefined)
    await producer.connect()
    await producer.send(make.send(topic, [{ value: 'late' }], undefined))
    await producer.disconnect()
    const got = await consume(1)
    assert(got[0] === 'late', got[0])
  })
  await step(label + ' list', async () => assert((await admin.listTopics()).includes(topic), 'topic is missing'))
  await step(label + ' delete', async () => {
    await admin.deleteTopics({ topics: [topic] })
    assert(!(await admin.listTopics()).includes(topic), 'topic is still there')
  })
  await admin.disconnect()
}

async function main() {
  const js = require('kafkajs')
  const kafka = new js.Kafka({ clientId: 'matrix', brokers: [bootstrap], logLevel: js.logLevel.NOTHING })
  await run('kafkajs', kafka, [['none', js.CompressionTypes.None], ['gzip', js.CompressionTypes.GZIP]], {
    producer: () => kafka.producer({ createPartitioner: js.Partitioners.DefaultPartitioner }),
    send: (topic, messages, compression) => ({ topic, messages, compression }),
    consumer: (groupId) => kafka.consumer({ groupId }),
    subscription: (topic) => ({ topic, fromBeginning: true }),
  })
  const c = require('@confluentinc/kafka-javascript').KafkaJS
  const ck = new c.Kafka({ kafkaJS: { brokers: [bootstrap], logLevel: c.logLevel.NOTHING } })
  await run('confluentjs', ck, ['none', 'gzip', 'snappy', 'lz4', 'zstd'].map((x) => [x, x]), {
    producer: (compression) => ck.producer({ kafkaJS: { compression: compression || 'none' } }),
    send: (topic, messages) => ({ topic, messages }),
    consumer: (groupId) => ck.consumer({ kafkaJS: { groupId, fromBeginning: true } }),
    subscription: (topic) => ({ topic }),
  })
}

main().then(() => process.exit(0), (e) => { console.log('FAIL main: ' + e.stack); process.exit(1) })
